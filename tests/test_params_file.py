from pathlib import Path

import pytest
import yaml

from avemo.errors import SettingsError
from avemo.params_file import replace_values, write_text

ROOT = Path(__file__).parents[1]
BLOCK = """corpus:
  modalities:   # of what
  - audio
  - audio       # twice

  # of the next key
  channels: [speech]
"""


def test_the_rest_of_the_settings_stays_as_it_is() -> None:
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    changed = replace_values(
        text, {"corpus.source": "zenodo", "corpus.zenodo.modalities": ["audio", "video"]}
    )
    expected = text.replace("  source: sample", "  source: zenodo", 1).replace(
        "modalities: [audio] ", "modalities: [audio, video] ", 1
    )
    assert changed == expected != text


def test_a_block_list_keeps_the_comments_around_it() -> None:
    changed = replace_values(BLOCK, {"corpus.modalities": ["video"]})
    assert yaml.safe_load(changed) == {"corpus": {"modalities": ["video"], "channels": ["speech"]}}
    assert all(comment in changed for comment in ("# of what", "# twice", "# of the next key"))


@pytest.mark.parametrize("key", ["corpus.no", "no.source", "corpus.channels.source"])
def test_a_key_that_is_missing(key: str) -> None:
    with pytest.raises(SettingsError, match=f"params.yaml has no {key}: add it"):
        replace_values(BLOCK, {key: "zenodo"})


def test_a_file_keeps_its_permissions_and_links_to_it(tmp_path: Path) -> None:
    file, link = tmp_path / "own.yaml", tmp_path / "params.yaml"
    file.write_text("seed: 1\r\n")
    file.chmod(0o640)
    link.symlink_to(file)
    write_text(link, "seed: 2\r\n")
    assert link.is_symlink()
    assert file.read_bytes() == b"seed: 2\r\n"
    assert file.stat().st_mode & 0o777 == 0o640
