"""MobileNetV2 at 0.35 of its width: 0.4 million parameters; the lightest one with ImageNet weights."""

from transfer.models.backbones._mobilenet_v2 import mobilenet_v2

backbone = mobilenet_v2(0.35)
