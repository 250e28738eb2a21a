"""Labelled images from files, and what happens to them before training."""

from aucmax.data.base import Images as Images
from aucmax.data.base import ImageSet as ImageSet
from aucmax.data.base import Source as Source
from aucmax.data.digits import Digits as Digits
from aucmax.data.folder import Folder as Folder
from aucmax.data.identical import IdenticalImages as IdenticalImages
from aucmax.data.identical import identical_images as identical_images
from aucmax.data.images import ArrayImages as ArrayImages
from aucmax.data.images import FileImages as FileImages
from aucmax.data.images import check_images as check_images
from aucmax.data.imbalance import make_imbalanced as make_imbalanced
from aucmax.data.npz import NPZ as NPZ
from aucmax.data.splits import split as split
from aucmax.data.table import CSV as CSV
