"""Train and export, as in a container of the Kaptain SDK."""

import torch

from marpack.kaptain.platform.metadata_util import MetadataUtil
from marpack.kaptain.platform.model_export_util import ModelExportUtil
from temperature import Thermometer

torch.manual_seed(0)
model = Thermometer()
celsius = torch.linspace(-40, 100, 15).unsqueeze(1)
fahrenheit = celsius * 1.8 + 32
optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
for _ in range(500):
    optimizer.zero_grad()
    loss = torch.nn.functional.mse_loss(model(celsius), fahrenheit)
    loss.backward()
    optimizer.step()

torch.save(model.state_dict(), "thermometer.pt")
MetadataUtil.record_metrics({"loss": loss.item()})
ModelExportUtil().upload_model("thermometer.pt")
