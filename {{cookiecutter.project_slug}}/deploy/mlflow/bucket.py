"""Makes the bucket of the tracking server's artefacts, where it is not there yet."""

import os
import sys

import boto3


def ensure(name: str) -> str:
    """Make a bucket in the store of MLFLOW_S3_ENDPOINT_URL; return what was done."""
    store = boto3.client("s3", endpoint_url=os.environ["MLFLOW_S3_ENDPOINT_URL"])
    if name in [bucket["Name"] for bucket in store.list_buckets()["Buckets"]]:
        return f"bucket: {name} is there"
    store.create_bucket(Bucket=name)
    return f"bucket: {name} is made"


if __name__ == "__main__":
    print(ensure(sys.argv[1]))
