"""ResNet-101: 33 residual bottleneck blocks, 42.7 million parameters; twice the work of ResNet-50.

He, Zhang, Ren and Sun 2016, in Keras' form: the stride stands in the first 1x1 convolution of a block, as in the paper.
"""

import keras

from transfer.models.backbones._resnet import resnet

backbone = resnet(101, keras.applications.ResNet101, blocks=(3, 4, 23, 3), md5="88cf7a10940856eca736dc7b7e228a21")
