"""One way of bringing an image to a wanted size, for training, prediction and prepared images."""

from torch import Tensor


def resized(image: Tensor, *, channels: int, size: int | None) -> Tensor:
    """A uint8 image (C, H, W) with the wanted channels and side.

    The aspect ratio is not kept, and pixels are averaged when an image shrinks (antialias). Colours
    become grey by their luminance; grey becomes three equal channels.

    Args:
        image: uint8, (C, H, W), C = 1 or 3.
        channels: 1 or 3.
        size: side in pixels of the square; None leaves height and width as they are.

    >>> import torch
    >>> resized(torch.zeros(1, 40, 60, dtype=torch.uint8), channels=3, size=32).shape
    torch.Size([3, 32, 32])
    """
    from torchvision.transforms.v2 import functional as F  # slow to import, and not always needed

    if image.shape[0] != channels:
        image = image.expand(3, -1, -1) if channels == 3 else F.rgb_to_grayscale(image)
    if size is None or image.shape[1:] == (size, size):
        return image
    return F.resize(image, [size, size], antialias=True)
