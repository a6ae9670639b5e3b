"""Publishing against the server on loopback, through the real clients in a process of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from builders.hubserver import LocalHub
from builders.publish import publish_adapters, publish_dataset
from georeasoner.errors import InputError, PublishError
from georeasoner.provenance import file_sha256

CARD = """---
configs:
- config_name: views
  default: true
  data_files:
  - {split: train, path: data/train-*.parquet}
---
"""


@pytest.fixture
def dataset(tmp_path):
    root = tmp_path / "dataset"
    (root / "data").mkdir(parents=True)
    file = root / "data" / "train-00000-of-00001.parquet"
    pq.write_table(pa.table({"view_id": ["a", "b"]}), file)
    (root / "README.md").write_text(CARD)
    record = {
        "config": {"local_only": False},
        "contents": {
            "synthetic_views": 2, "not_redistributable_views": 0, "splits": {"train": 2},
        },
        "files": {"data/train-00000-of-00001.parquet": file_sha256(file)},
    }  # fmt: skip
    (root / "provenance.json").write_text(json.dumps(record))
    return root


def test_a_data_set_arrives_and_loads(dataset, tmp_path):
    with LocalHub(tmp_path / "hub") as hub:
        line = publish_dataset(dataset, "me/views", revision="v1", synthetic=True, endpoint=hub.url)
        assert line.endswith("read back: views 2")
        # again: the same files, and a server that was started anew knows them
    with LocalHub(tmp_path / "hub") as hub:
        publish_dataset(dataset, "me/views", synthetic=True, endpoint=hub.url)
        code = (
            "from datasets import load_dataset\n"
            "from huggingface_hub import HfApi, HfFileSystem\n"
            "print(load_dataset('me/views', split='train', revision='v1')['view_id'][:])\n"
            "print(sorted(HfApi().list_repo_files('me/views', repo_type='dataset')))\n"
            "print(HfFileSystem().read_text('datasets/me/views/README.md')[:3])\n"
            "from builders.sql import run_query\n"
            "run_query('SELECT view_id, split FROM views ORDER BY 1',"
            " 'hf://datasets/me/views', format='csv')\n"
        )
        settings = {
            "HF_ENDPOINT": hub.url, "HF_TOKEN": "any", "HF_HOME": str(tmp_path / "home"),
            "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1",
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, **settings}, capture_output=True,
            text=True,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "['a', 'b']",
        "['README.md', 'data/train-00000-of-00001.parquet', 'provenance.json']",
        "---",
        "view_id,split",
        "a,train",
        "b,train",
    ]


def test_adapters_arrive(tmp_path):
    folder = tmp_path / "adapters"
    (folder / "lora1").mkdir(parents=True)
    (folder / "lora1" / "adapter_config.json").write_text("{}")
    (folder / "lora1" / "adapter_model.safetensors").write_bytes(b"12345678")
    with LocalHub(tmp_path / "hub") as hub:
        assert publish_adapters(folder, "me/lora", endpoint=hub.url).endswith("read back: lora1")
    with pytest.raises(InputError, match="no adapters"):
        publish_adapters(tmp_path, "me/lora")


def test_what_may_not_be_published(dataset):
    with pytest.raises(PublishError, match="--synthetic"):
        publish_dataset(dataset, "me/views")
    record = json.loads((dataset / "provenance.json").read_text())
    record["config"]["local_only"] = True
    record["contents"]["not_redistributable_views"] = 1
    (dataset / "provenance.json").write_text(json.dumps(record))
    with pytest.raises(PublishError, match="may not be redistributed"):
        publish_dataset(dataset, "me/views", synthetic=True)


def test_a_changed_file_is_not_published(dataset):
    pq.write_table(pa.table({"view_id": ["c"]}), dataset / "data/train-00000-of-00001.parquet")
    with pytest.raises(PublishError, match="not the file that was built"):
        publish_dataset(dataset, "me/views", synthetic=True)
    with pytest.raises(InputError, match=r"provenance\.json"):
        publish_dataset(dataset.parent, "me/views")


def test_a_hub_that_is_not_there(dataset):
    with pytest.raises(PublishError, match="failed"):
        publish_dataset(dataset, "me/views", synthetic=True, endpoint="http://127.0.0.1:9")
