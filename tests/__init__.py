"""Tests of brainscore_cornet; `python -m tests.speed` compares its speed."""
