"""ResNet-50: sixteen residual bottleneck blocks, 23.6 million parameters; the usual yardstick.

He, Zhang, Ren and Sun 2016, in Keras' form: the stride stands in the first 1x1 convolution of a block, as in the paper.
Each stage is one of its five; at 224 pixels its map is ``(7, 7, 2048)``.
"""

import keras

from transfer.models.backbones._resnet import resnet

backbone = resnet(50, keras.applications.ResNet50, blocks=(3, 4, 6, 3), md5="4d473c1dd8becc155b73f8504c6f6626")
