"""Networks by name: small ones of our own, everything else from timm."""

from aucmax.models.copies import AveragedCopies as AveragedCopies
from aucmax.models.create import create as create
from aucmax.models.create import input_statistics as input_statistics
from aucmax.models.create import reset_head as reset_head
from aucmax.models.resnet_cifar import ResNetCIFAR as ResNetCIFAR
from aucmax.models.resnet_cifar import resnet20 as resnet20
from aucmax.models.resnet_cifar import resnet32 as resnet32
