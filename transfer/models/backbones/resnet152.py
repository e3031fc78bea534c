"""ResNet-152: fifty residual bottleneck blocks, 58.4 million parameters; the deepest of the paper, for a GPU.

He, Zhang, Ren and Sun 2016, in Keras' form: the stride stands in the first 1x1 convolution of a block, as in the paper.
"""

import keras

from transfer.models.backbones._resnet import resnet

backbone = resnet(152, keras.applications.ResNet152, blocks=(3, 8, 36, 3), md5="ee4c566cf9a93f14d82f913c2dc6dd0c")
