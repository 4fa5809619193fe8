"""The colours of the figures, which people with colour blindness can distinguish.

They are from the palette of Okabe & Ito 2008, https://jfly.uni-koeln.de/color/.
"""

BLUE = "#0072B2"
ORANGE = "#E69F00"
GREEN = "#009E73"
VERMILLION = "#D55E00"
PURPLE = "#CC79A7"

REGION_COLOURS = {"V1": BLUE, "V2": ORANGE, "V4": GREEN, "IT": PURPLE}
