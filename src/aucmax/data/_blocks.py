"""Which images are to be prepared, and the blocks of pixels that are made of them."""

import io
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from aucmax.data._index import checksum, decoding_of, marks_of, pixel_mark
from aucmax.data.base import Images, ImageSet
from aucmax.data.resize import resized
from aucmax.data.unreadable import read_or_reason

BLOCK_BYTES = 4 * 2**20
"""Pixels that are written, and checked, together."""


@dataclass(frozen=True)
class Plan:
    """What is to be prepared."""

    data: ImageSet
    size: int

    @cached_property
    def shape(self) -> tuple[int, int, int, int]:
        """(n, C, size, size) of all pixels."""
        return len(self.data), self.data.images.channels, self.size, self.size

    @cached_property
    def rows_per_block(self) -> int:
        """Images in a block (the last may have fewer)."""
        return max(1, BLOCK_BYTES // int(np.prod(self.shape[1:])))

    @cached_property
    def marks(self) -> list[str] | None:
        """Of the files; None where images are in none, so that their pixels are marked."""
        return marks_of(self.data.images)

    @cached_property
    def key(self) -> str:
        """The same for the same images, files and size."""
        parts = [self.shape, self.rows_per_block, decoding_of(self.data.images), self.data.ids]
        return checksum(json.dumps([*parts, self.marks]).encode())

    def rows(self, block: int) -> range:
        """The images of a block."""
        start = block * self.rows_per_block
        return range(start, min(start + self.rows_per_block, len(self.data)))

    def blocks(self) -> int:
        """How many blocks there are."""
        return -(-len(self.data) // self.rows_per_block)

    @cached_property
    def header(self) -> bytes:
        """What a .npy file of these pixels begins with."""
        file = io.BytesIO()
        content = {"shape": self.shape, "fortran_order": False, "descr": "|u1"}
        np.lib.format.write_array_header_1_0(file, content)
        return file.getvalue()

    def bytes_of(self, blocks: int) -> int:
        """How long the file is when so many blocks are in it."""
        rows = min(blocks * self.rows_per_block, len(self.data))
        return len(self.header) + rows * int(np.prod(self.shape[1:]))


class Blocks(Dataset[tuple[Tensor, list[str], dict[int, str]]]):
    """For each block: pixels, marks of pixels (only where there are no files), unreadable rows."""

    def __init__(self, plan: Plan) -> None:
        self.images: Images = plan.data.images
        self.plan_rows, self.shape = plan.rows, plan.shape
        self.by_pixels = plan.marks is None

    def __getitem__(self, index: Any) -> tuple[Tensor, list[str], dict[int, str]]:
        rows = self.plan_rows(index)
        pixels = torch.zeros((len(rows), *self.shape[1:]), dtype=torch.uint8, device="cpu")
        marks: list[str] = []
        unreadable: dict[int, str] = {}
        for place, row in enumerate(rows):
            image, reason = read_or_reason(self.images, row)
            if image is None:
                unreadable[row] = reason
            else:
                pixels[place] = resized(image, channels=self.shape[1], size=self.shape[2])
            if self.by_pixels:
                marks.append("" if image is None else pixel_mark(image.numpy()))
        return pixels, marks, unreadable
