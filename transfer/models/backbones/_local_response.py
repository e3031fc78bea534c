"""Local response normalisation: AlexNet's way to let neighbouring channels compete."""

from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable("transfer")
class LocalResponseNormalization(keras.layers.Layer):
    """Divide each activation by a power of the energy in the channels beside it.

    ``b[i] = a[i] / (k + alpha * sum(a[j] ** 2)) ** beta``, the sum over the ``n`` channels centred on ``i``; channels
    beyond the ends count as zero (Krizhevsky et al. 2012, section 3.3). Some frameworks divide ``alpha`` by ``n``; the
    paper does not.

    Args:
        k: Added to the energy.
        n: Channels in the neighbourhood, odd.
        alpha: Weight of the energy.
        beta: The power.
    """

    def __init__(self, k: float = 2.0, n: int = 5, alpha: float = 1e-4, beta: float = 0.75, **settings: Any) -> None:
        super().__init__(**settings)
        self.k, self.n, self.alpha, self.beta = k, n, alpha, beta

    def call(self, inputs: Any) -> Any:
        """Float ``(..., channels)`` to the same shape."""
        # The squares of activations in the hundreds pass the largest float16.
        x = keras.ops.cast(inputs, "float32")
        radius, channels = self.n // 2, inputs.shape[-1]
        edges = [[0, 0]] * (len(inputs.shape) - 1) + [[radius, radius]]
        squares = keras.ops.pad(keras.ops.square(x), edges)
        energy = sum(squares[..., shift : shift + channels] for shift in range(self.n))
        return keras.ops.cast(x / (self.k + self.alpha * energy) ** self.beta, inputs.dtype)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"k": self.k, "n": self.n, "alpha": self.alpha, "beta": self.beta}
