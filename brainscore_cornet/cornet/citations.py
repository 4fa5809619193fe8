"""BibTeX entries of the papers to cite."""

CORNET_2018 = """@article{Kubilius2018CORnet,
    author = {Kubilius, Jonas and Schrimpf, Martin and Nayebi, Aran and Bear, Daniel and Yamins, Daniel L. K. and
              DiCarlo, James J.},
    title = {{CORnet}: Modeling the Neural Mechanisms of Core Object Recognition},
    journal = {bioRxiv},
    year = {2018},
    doi = {10.1101/408385},
    url = {https://doi.org/10.1101/408385}
}"""

CORNET_S_2019 = """@inproceedings{KubiliusSchrimpf2019CORnetS,
    author = {Kubilius, Jonas and Schrimpf, Martin and Kar, Kohitij and Rajalingham, Rishi and Hong, Ha and
              Majaj, Najib J. and Issa, Elias B. and Bashivan, Pouya and Prescott-Roy, Jonathan and Schmidt, Kailyn and
              Nayebi, Aran and Bear, Daniel and Yamins, Daniel L. K. and DiCarlo, James J.},
    title = {Brain-Like Object Recognition with High-Performing Shallow Recurrent {ANNs}},
    booktitle = {Advances in Neural Information Processing Systems},
    pages = {12785--12796},
    year = {2019},
    url = {https://arxiv.org/abs/1909.06161}
}"""


def bibtex(architecture: str) -> str:
    """Return the BibTeX entries to cite for the architecture `Z`, `R`, `RT` or `S`."""
    return CORNET_S_2019 if architecture == "S" else CORNET_2018
