"""The colours of the figures, which people with colour blindness can distinguish.

They are from the palette of Okabe & Ito 2008, https://jfly.uni-koeln.de/color/, without its yellow, which is too light
for white paper and, if it is darker, too close to orange without red or green cones: the eighth is violet.
"""

BLUE = "#0072B2"
ORANGE = "#E69F00"
GREEN = "#009E73"
VERMILLION = "#D55E00"
PURPLE = "#CC79A7"
SKY_BLUE = "#56B4E9"
VIOLET = "#8000F0"
INK = "#1D232B"

REGION_COLOURS = {"V1": BLUE, "V2": ORANGE, "V4": GREEN, "IT": PURPLE}
MODEL_COLOURS = (BLUE, ORANGE, GREEN, PURPLE, SKY_BLUE, VERMILLION, INK, VIOLET)
"""Of as many models as can be distinguished by colour and shape."""
