"""Every source brings its views in once, and every input is counted once, with its reason."""

from __future__ import annotations

import csv
import io
import json
import struct
import tarfile
import zlib
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from builders.ingest import ingest
from georeasoner.errors import ConfigError, InputError, UnknownNameError
from georeasoner.lake import Lake
from georeasoner.lake.maintain import remove

PARIS = (48.8566, 2.3522)
TOKYO = (35.6895, 139.6917)


def jpeg(colour=(90, 120, 60), size=(64, 48), **options):
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "JPEG", **options)
    return buffer.getvalue()


def exif(lat, lon, *, direction=None, time=None, orientation=None, rights=None):
    """EXIF as a camera writes it: degrees, minutes and seconds, with their letters."""

    def parts(value):
        minutes = abs(value) % 1 * 60
        return (int(abs(value)), int(minutes), minutes % 1 * 60)

    tags = Image.Exif()
    gps = tags.get_ifd(0x8825)
    gps |= {1: "N" if lat >= 0 else "S", 2: parts(lat), 3: "E" if lon >= 0 else "W", 4: parts(lon)}
    if direction is not None:
        gps |= {16: "T", 17: direction}
    if time is not None:
        tags.get_ifd(0x8769)[0x9003] = time
    if orientation is not None:
        tags[0x0112] = orientation
    if rights is not None:
        tags[0x8298] = rights
    return tags


def png_bomb(side=50_000):
    """A few bytes that declare 2.5 gigapixels."""

    def chunk(kind, body):
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99))


def write_csv(path, rows):
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return f"table:{path}"


def rejects(lake):
    return {r["input_id"]: (r["reason"], r["detail"]) for r in lake.read("rejects").to_pylist()}


@pytest.fixture
def lake(tmp_path):
    return Lake.create(tmp_path / "lake")


def test_forty_real_photographs_arrive(lake, shared_data, capsys):
    table = shared_data / "streetscapes" / "views.csv"
    sums = ingest(lake, f"table:{table}")
    assert (sums.inputs, sums.accepted, sums.notes) == (40, 40, {})
    views = {v["view_id"]: v for v in lake.read("views").to_pylist()}
    with table.open(newline="") as file:
        stated = {row["uuid"]: row for row in csv.DictReader(file)}
    assert views.keys() == stated.keys()
    for view_id, view in views.items():
        row = stated[view_id]
        assert view["country"] == view["country_stated"] == row["country"]
        assert view["country_conflict"] is False
        assert (view["license"], view["redistributable"]) == ("CC-BY-SA-4.0", True)
        assert view["attribution"] == row["attribution"]
        assert (view["source"], view["source_url"] or "") == (row["source"], row["url"])
        assert view["sequence_id"] == row["sequence_id"]
        extra = json.loads(view["extra"])
        assert extra["share_road"] == float(row["share_road"])
        assert extra["orig_id"] == int(row["orig_id"])
        assert "lat" not in extra and "license" not in extra
    first = views["009700da-2ab7-4e51-96ed-7bc3bc8df153"]
    assert first["heading_deg"] == 246.96017456055
    assert first["captured_at"] == datetime(2020, 9, 18, 15, 44, 4, 155000, tzinfo=UTC)
    log = capsys.readouterr().err
    assert log.count("views.csv: kept in extra: orig_id, width") == 1
    assert log.count("share_void") == 1
    rows = next(lake.batches("images", batch_rows=64))
    assert all(row["bytes"] is None and row["uri"] for row in rows.to_pylist())
    sizes = {i: Image.open(io.BytesIO(data)).size for i, data in lake.image_bytes(rows)}
    assert all(sizes[i] == (v["width"], v["height"]) for i, v in views.items())
    again = ingest(lake, f"table:{table}")
    assert (again.inputs, again.accepted, again.excluded) == (40, 0, {"already_present": 40})
    assert lake.count("views") == lake.count("images") == 40


def test_real_photographs_in_a_folder_by_their_exif(lake, shared_data, tmp_path):
    photos = tmp_path / "photos" / "below"
    photos.mkdir(parents=True)
    with (shared_data / "streetscapes" / "views.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))[:4]
    for row in rows:
        place = exif(float(row["lat"]), float(row["lon"]), direction=float(row["heading"]))
        with Image.open(shared_data / "streetscapes" / row["file"]) as image:
            image.resize((320, 240)).save(photos / f"{row['uuid']}.jpg", exif=place)
    for expected in (
        {"accepted": 4, "excluded": {}},
        {"accepted": 0, "excluded": {"already_present": 4}},
    ):
        sums = ingest(lake, f"folder:{tmp_path / 'photos'}").as_dict()
        assert {name: sums[name] for name in expected} == expected
    views = {json.loads(v["extra"])["path"]: v for v in lake.read("views").to_pylist()}
    for row in rows:
        view = views[f"below/{row['uuid']}.jpg"]
        assert view["lat"] == pytest.approx(float(row["lat"]), abs=1e-6)  # 0.1 m
        assert view["lon"] == pytest.approx(float(row["lon"]), abs=1e-6)
        assert view["heading_deg"] == pytest.approx(float(row["heading"]), abs=1e-3)
        assert view["country"] == row["country"]
        assert view["redistributable"] is False  # nobody said so


def test_folder_reads_what_a_camera_writes(lake, tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    tags = exif(*TOKYO, time="2021:05:03 12:00:00", orientation=6, rights="CC BY-SA 4.0")
    (photos / "a.jpg").write_bytes(jpeg(exif=tags))
    (photos / "south.jpg").write_bytes(jpeg((1, 2, 3), exif=exif(-33.8688, 151.2093)))
    (photos / "notes.txt").write_text("not a picture, and not named like one")
    sums = ingest(lake, f"folder:{photos}", copy_images=True)
    assert sums.accepted == 2
    assert sums.excluded == {"not_named_like_a_picture": 1}
    views = {json.loads(v["extra"])["path"]: v for v in lake.read("views").to_pylist()}
    tokyo, sydney = views["a.jpg"], views["south.jpg"]
    assert (tokyo["country"], sydney["country"]) == ("JP", "AU")
    assert (tokyo["width"], tokyo["height"]) == (48, 64)  # orientation 6: turned by a quarter
    # 139.7 / 15 = 9.3: nine hours ahead of UTC
    assert tokyo["captured_at"] == datetime(2021, 5, 3, 3, 0, tzinfo=UTC)
    assert sums.notes["capture_time_zone_from_longitude"] == 1
    assert (tokyo["license"], tokyo["redistributable"]) == ("CC BY-SA 4.0", True)
    assert all(r["bytes"] for r in lake.read("images").to_pylist())


def test_broken_files_are_rejected_with_their_reason(lake, tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    noisy = Image.effect_noise((200, 200), 90).convert("RGB")
    noisy.save(photos / "whole.jpg", exif=exif(*PARIS))
    data = (photos / "whole.jpg").read_bytes()
    (photos / "truncated.jpg").write_bytes(data[: len(data) // 2])
    (photos / "empty.jpg").write_bytes(b"")
    (photos / "text.jpg").write_text("no picture at all")
    (photos / "bomb.png").write_bytes(png_bomb())
    (photos / "nowhere.jpg").write_bytes(jpeg())
    with (photos / "huge.jpg").open("wb") as file:
        file.truncate((64 << 20) + 1)  # sparse: takes no room
    for _ in range(2):
        sums = ingest(lake, f"folder:{photos}")
        assert sums.inputs == 7
        assert sums.rejected == {
            "truncated_image": 1, "empty_file": 1, "not_an_image": 1, "too_many_pixels": 1,
            "missing_coordinates": 1, "file_too_large": 1,
        }  # fmt: skip
        assert lake.count("rejects") == 6
    (photos / "nowhere.jpg").write_bytes(jpeg(exif=exif(*TOKYO)))
    mended = ingest(lake, f"folder:{photos}")
    assert (mended.accepted, mended.rejected.total()) == (1, 5)
    assert lake.count("rejects") == 5
    assert not any("nowhere" in input_id for input_id in rejects(lake))


def test_bad_rows_of_a_table(lake, tmp_path, capsys):
    for name in "abcdefghi":
        (tmp_path / f"{name}.jpg").write_bytes(jpeg((ord(name), 0, 0)))
    rows = [
        {"id": "good", "path": "a.jpg", "latitude": 48.8566, "lng": 2.3522, "country": "France"},
        {"id": "good", "path": "b.jpg", "latitude": 48.8566, "lng": 2.3522, "country": "FR"},
        {"id": "far", "path": "c.jpg", "latitude": 139.6917, "lng": 35.6895, "country": "Japan"},
        {"id": "none", "path": "d.jpg", "latitude": "", "lng": 2.35, "country": ""},
        {"id": "zero", "path": "e.jpg", "latitude": 0, "lng": 0, "country": ""},
        {"id": "word", "path": "f.jpg", "latitude": "north", "lng": 2, "country": ""},
        {"id": "gone", "path": "nothing.jpg", "latitude": 1, "lng": 2, "country": ""},
        {"id": "nameless", "path": "", "latitude": 1, "lng": 2, "country": ""},
        # 10 N 49.5 E is in Somalia, 49.5 N 10 E in Germany
        {"id": "swapped", "path": "g.jpg", "latitude": 10.0, "lng": 49.5, "country": "DE"},
        {"id": "wrong", "path": "h.jpg", "latitude": 48.8566, "lng": 2.3522, "country": "Japan"},
        {"id": "", "path": "i.jpg", "latitude": 48.8566, "lng": 2.3522, "country": "Atlantis"},
    ]
    for _ in range(2):
        sums = ingest(lake, write_csv(tmp_path / "views.csv", rows))
        assert sums.inputs == 11
    assert sums.excluded == {"already_present": 4}
    found = rejects(lake)
    table = tmp_path / "views.csv"
    assert {name: reason for name, (reason, _) in found.items()} == {
        f"good ({table} row 2)": "duplicate_id",
        "far": "coordinates_out_of_range",
        "none": "missing_coordinates",
        "zero": "missing_coordinates",
        "word": "coordinates_not_numbers",
        "gone": "unreadable_file",
        "nameless": "missing_file_name",
    }
    assert "coordinates may be swapped" in found["far"][1]
    views = {v["view_id"]: v for v in lake.read("views").to_pylist()}
    assert len(views) == 4
    assert (views["good"]["country_stated"], views["good"]["country_conflict"]) == ("FR", False)
    assert (views["wrong"]["country"], views["wrong"]["country_stated"]) == ("FR", "JP")
    assert views["wrong"]["country_conflict"] is True
    assert views["swapped"]["country_conflict"] is True
    assert json.loads(views["swapped"]["extra"]) == {"coordinates_may_be_swapped": True}
    (unnamed,) = views.keys() - {"good", "wrong", "swapped"}
    assert views[unnamed]["sha256"].startswith(unnamed)  # no id: the hash of the bytes
    assert views[unnamed]["country_stated"] == "Atlantis"
    assert views[unnamed]["country_conflict"] is None
    log = capsys.readouterr().err
    assert "stated DE, but (10.0, 49.5) is in SO" in log
    assert "country_conflict 2; stated_country_unknown 1" in log
    assert log.count("coordinates may be swapped") == 2  # the view's line and the count


def test_a_table_without_its_columns_is_one_readable_line(lake, tmp_path):
    source = write_csv(tmp_path / "views.csv", [{"file": "a.jpg", "breite": 1, "lon": 2}])
    with pytest.raises(InputError, match=r"file, breite, lon; expected also lat \(or latitude\)"):
        ingest(lake, source)
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 no")
    (tmp_path / "empty.csv").write_bytes(b"")
    (tmp_path / "latin.csv").write_bytes("file,lat,lon\nCaf\xe9.jpg,1,2\n".encode("latin-1"))
    for name in ("broken.parquet", "empty.csv", "latin.csv", "missing.csv", "views.xlsx"):
        with pytest.raises(InputError):
            ingest(lake, f"table:{tmp_path / name}")
    for source, error in (
        ("foldr:x", UnknownNameError), ("folder", InputError), ("folder:", InputError),
        (f"folder:{tmp_path / 'nothing'}", InputError), ("clueworld:many", InputError),
        (f"webdataset:{tmp_path}/*.tar", InputError),
    ):  # fmt: skip
        with pytest.raises(error):
            ingest(lake, source)
    with pytest.raises(ConfigError):
        ingest(lake, "clueworld:1", limit=-1)
    assert lake.count("views") == 0


def test_parquet_and_jsonl_tables(lake, tmp_path):
    (tmp_path / "a.jpg").write_bytes(jpeg((1, 1, 1)))
    table = pa.table(
        {
            "image": [{"bytes": jpeg((2, 2, 2)), "path": ""}, {"bytes": None, "path": "a.jpg"}],
            "lat": [PARIS[0], TOKYO[0]], "lon": [PARIS[1], TOKYO[1]], "view_id": ["p1", "p2"],
            "tags": [["a"], []], "captured_at": [datetime(2020, 1, 2, tzinfo=UTC), None],
        }
    )  # fmt: skip
    pq.write_table(table, tmp_path / "views.parquet")
    assert ingest(lake, f"table:{tmp_path / 'views.parquet'}").accepted == 2
    lines = [
        json.dumps({"file": "a.jpg", "lat": 48.85, "lon": 2.35, "id": 7, "bad": "\ud800"}),
        "{no json",
        json.dumps({"id": 8, "file": "a.jpg", "lon": 2.35}),
    ]
    (tmp_path / "views.jsonl").write_text("\n".join(lines) + "\n\n")
    sums = ingest(lake, f"table:{tmp_path / 'views.jsonl'}")
    assert sums.accepted == 1
    assert sums.rejected == {"malformed_row": 1, "missing_coordinates": 1}
    views = {v["view_id"]: v for v in lake.read("views").to_pylist()}
    assert views.keys() == {"p1", "p2", "7"}
    assert json.loads(views["p1"]["extra"]) == {"tags": ["a"]}
    assert views["p1"]["captured_at"] == datetime(2020, 1, 2, tzinfo=UTC)
    images = {r["view_id"]: r for r in lake.read("images").to_pylist()}
    assert images["p1"]["bytes"] is not None and images["p2"]["bytes"] is None


def test_webdataset_keeps_where_each_picture_lies(lake, tmp_path):
    pictures = {"000": jpeg((1, 2, 3)), "001": jpeg((4, 5, 6)), "002": jpeg((7, 8, 9))}
    members = []
    for key, data in pictures.items():
        members += [(f"{key}.jpg", data)]
        place = {"id": f"w{key}", "lat": PARIS[0], "lon": PARIS[1], "license": "CC0-1.0"}
        members += [] if key == "002" else [(f"{key}.json", json.dumps(place).encode())]
    with tarfile.open(tmp_path / "shard-0.tar", "w") as tar:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    (tmp_path / "shard-1.tar").write_bytes(b"no tar" * 200)
    sums = ingest(lake, f"webdataset:{tmp_path}/shard-*.tar")
    assert sums.accepted == 2
    assert sums.rejected == {"missing_coordinates": 1, "unreadable_shard": 1}
    rows = next(lake.batches("images"))
    assert all(r["bytes"] is None and r["offset"] > 0 for r in rows.to_pylist())
    assert dict(lake.image_bytes(rows)) == {"w000": pictures["000"], "w001": pictures["001"]}
    assert ingest(lake, f"webdataset:{tmp_path}/shard-*.tar").excluded == {"already_present": 2}


def test_a_hub_data_set(lake, tmp_path):
    from datasets import Dataset, Features, Value
    from datasets import Image as HubImage

    kinds = {
        "photo": HubImage(),
        "lat": Value("float64"),
        "lng": Value("float64"),
        "k": Value("int8"),
    }
    columns = {
        "photo": [{"bytes": jpeg((i, i, i)), "path": None} for i in range(3)] + [None],
        "lat": [PARIS[0]] * 4, "lng": [PARIS[1]] * 4, "k": [1, 2, 3, 4],
    }  # fmt: skip
    folder = tmp_path / "hub"
    folder.mkdir()
    Dataset.from_dict(columns, Features(kinds)).to_parquet(folder / "train.parquet")
    sums = ingest(lake, f"hf:{folder}")
    assert (sums.accepted, sums.rejected) == (3, {"missing_picture": 1})
    views = lake.read("views").to_pylist()
    assert sorted(json.loads(v["extra"])["k"] for v in views) == [1, 2, 3]
    with pytest.raises(InputError, match="cannot be loaded"):
        ingest(lake, f"hf:{tmp_path / 'nothing'}")


def test_clueworld_scenes_come_with_their_truth(lake):
    sums = ingest(lake, "clueworld:60", seed=3)
    assert sums.inputs == 60
    assert sums.notes == {}  # every scene lies in its country
    views = lake.read("views").to_pylist()
    assert all(v["synthetic"] and v["redistributable"] and v["country"] for v in views)
    assert all(v["country"] == v["country_stated"] for v in views)
    from georeasoner.clueworld import World

    scenes = [World.load().scene(i, seed=3) for i in range(60)]
    assert sums.rejected.total() == sum(scene.broken is not None for scene in scenes)
    truth = {s.view_id: s for s in scenes if s.broken is None}
    assert {v["view_id"] for v in views} == truth.keys()
    for view in views:
        scene = truth[view["view_id"]]
        assert view["city"] == scene.city
        assert json.loads(view["extra"])["clues"] == scene.clues
    assert ingest(lake, "clueworld:60", seed=3).accepted == 0
    held = ingest(lake, "clueworld:10@heldout", seed=3, limit=5)
    assert held.inputs == 5
    assert lake.count("views") == len(truth) + held.accepted


def test_what_was_taken_down_stays_away_and_ids_stay_one_view(lake, tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.jpg").write_bytes(jpeg((ord(name), 0, 0)))
    rows = [{"id": n, "file": f"{n}.jpg", "lat": PARIS[0], "lon": PARIS[1]} for n in "ab"]
    source = write_csv(tmp_path / "views.csv", rows)
    ingest(lake, source)
    remove(lake, ["a"], "asked for")
    assert ingest(lake, source).excluded == {"removed": 1, "already_present": 1}
    assert lake.count("views") == 1
    rows[1]["lat"] = 10.0  # another view that bears the same id
    again = ingest(lake, write_csv(tmp_path / "other.csv", rows[1:]))
    assert again.rejected == {"duplicate_id": 1}


def test_mapillary_by_its_api(lake, monkeypatch):
    """A server on loopback answers as the API does; the token goes to the API, not to pictures."""
    import threading
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    from builders.sources import mapillary

    asked = []

    class Api(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append((self.path, self.headers.get("Authorization")))
            here = f"http://127.0.0.1:{self.server.server_address[1]}"
            body = jpeg()
            if self.path.startswith("/images"):
                photo = {
                    "id": "42", "computed_geometry": {"coordinates": [2.3522, 48.8566]},
                    "compass_angle": 370.0, "captured_at": 1591012800000, "sequence": "s",
                    "creator": {"username": "ann"}, "thumb_2048_url": f"{here}/42.jpg",
                }  # fmt: skip
                lost = {"id": "43", "thumb_2048_url": f"{here}/gone.jpg"}
                body = json.dumps({"data": [photo, lost, {"id": "44"}]}).encode()
            self.send_response(404 if "gone" in self.path else 200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words):
            pass

    with pytest.raises(InputError, match="WEST,SOUTH,EAST,NORTH"):
        ingest(lake, "mapillary:2,3")
    monkeypatch.delenv("MAPILLARY_TOKEN", raising=False)
    with pytest.raises(ConfigError, match="MAPILLARY_TOKEN is not set"):
        ingest(lake, "mapillary:2.3,48.8,2.38,48.84")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(mapillary, "API", f"http://127.0.0.1:{server.server_address[1]}")
    monkeypatch.setenv("MAPILLARY_TOKEN", "secret")
    try:
        sums = ingest(lake, "mapillary:2.3,48.8,2.38,48.84")
    finally:
        server.shutdown()
        server.server_close()
    # 0.08 by 0.04 degrees are two tiles of at most 0.05; both answers hold the same three
    assert [token for path, token in asked if path.startswith("/images")] == ["OAuth secret"] * 2
    assert [token for path, token in asked if path.endswith("jpg")] == [None, None]
    assert sums.as_dict()["rejected"] == {"unreadable_file": 1, "missing_picture": 1}
    (view,) = lake.read("views").to_pylist()
    assert (view["view_id"], view["country"], view["author"]) == ("mapillary:42", "FR", "ann")
    assert (view["heading_deg"], view["redistributable"]) == (10.0, True)
    assert view["captured_at"] == datetime(2020, 6, 1, 12, tzinfo=UTC)
