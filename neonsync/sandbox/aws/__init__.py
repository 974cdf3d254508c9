"""Athena, Glue and S3 on one local port, close enough to AWS for its unmodified clients."""

from neonsync.sandbox.aws.faults import Break, Faults
from neonsync.sandbox.aws.options import AthenaOptions, AwsKeys
from neonsync.sandbox.aws.service import AwsService

__all__ = ["AthenaOptions", "AwsKeys", "AwsService", "Break", "Faults"]
