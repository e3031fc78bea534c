"""MobileNetV2: light inverted residual blocks, 2.3 million parameters; a good first choice on a CPU."""

from transfer.models.backbones._mobilenet_v2 import mobilenet_v2

backbone = mobilenet_v2(1.0)
