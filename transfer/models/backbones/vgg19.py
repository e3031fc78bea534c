"""VGG19: sixteen plain 3x3 convolutions, 20.0 million parameters; VGG16 with one more in each of its last blocks.

Simonyan and Zisserman 2015, configuration E. Each stage is one of its five blocks, with the pooling that ends it.
"""

import keras

from transfer.models.backbones._vgg import vgg

backbone = vgg(19, keras.applications.VGG19, md5="253f8cb515780f3b799900260a226db6")
