"""Publish models as TorchServe archives."""

from shelf.publishing import PublishError, plan, publish, upload

__all__ = ["PublishError", "plan", "publish", "upload"]
