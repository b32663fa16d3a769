"""Rating of enterprises: a monotone scorecard whose every point can be explained, on scikit-learn's contract.

A model is a JSON card (``models/<yyyymm_name>/card.json``): bins, points and texts. What the card says is what is
applied; the estimator that made it is not needed any more.
"""
