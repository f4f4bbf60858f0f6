"""The only package that imports Keras, TensorFlow and scikeras; estimators import it when used."""

from sklearn_aera.neural_network._keras.startup import check_backend, share_cores

check_backend()
share_cores()
