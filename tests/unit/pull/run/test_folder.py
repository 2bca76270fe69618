"""Where pulled files lie meanwhile: a folder of this system and this user alone."""

import pytest

from ingest.pull.main import private_folder
from schemas.errors import Permanent
from schemas.settings import Settings


def settings(folder, database="one"):
    return Settings(
        database_url=f"postgresql://localhost/{database}",
        amqp_url="amqp://localhost",
        secret_key="k" * 32,
        pull_folder=str(folder),
    )


def test_each_system_has_a_folder_of_its_own_that_nobody_else_can_enter(tmp_path):
    one, other = private_folder(settings(tmp_path)), private_folder(settings(tmp_path, "two"))
    assert one == private_folder(settings(tmp_path))
    assert one != other
    assert 0o700 == one.stat().st_mode & 0o777


def test_a_folder_that_others_can_enter_is_refused(tmp_path):
    private_folder(settings(tmp_path)).chmod(0o755)
    with pytest.raises(Permanent, match="PULL_FOLDER"):
        private_folder(settings(tmp_path))


def test_a_link_in_its_place_is_refused(tmp_path):
    folder = private_folder(settings(tmp_path))
    folder.rmdir()
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Permanent, match="PULL_FOLDER"):
        private_folder(settings(tmp_path))
