"""VGG16: thirteen plain 3x3 convolutions, 14.7 million parameters; heavy, and the classic start for transfer.

Simonyan and Zisserman 2015, configuration D. Each stage is one of its five blocks, with the pooling that ends it.
"""

import keras

from transfer.models.backbones._vgg import vgg

backbone = vgg(16, keras.applications.VGG16, md5="6d6bbae143d832006294945121d1f1fc")
