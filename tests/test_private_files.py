"""What is private, and what is refused since somebody else could have written it."""

import os
import stat

import pytest
from strangers import NO_FILES, STRANGER, give_away

from tui_trainer.training.engines.private_files import (
    make_private_folder,
    read_private,
    require_private_folder,
    write_private,
)

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


@pytest.fixture(params=[0, 0o022, 0o777])
def umask(request, tmp_path):
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.fixture
def file(tmp_path):
    file = tmp_path.resolve() / "above" / "folder" / "file"
    write_private(file, "7\n")
    return file


def mode(place):
    return stat.S_IMODE(place.stat().st_mode)


def refused(file):
    with pytest.raises(OSError, match=r"^[^\n]+$") as caught:
        read_private(file)
    return str(caught.value)


@pytest.mark.usefixtures("umask")
def test_folders_and_files_are_ours_alone_whatever_the_umask(tmp_path):
    file = tmp_path.resolve() / "new" / "newer" / "file"
    write_private(file, "1")
    write_private(file, "2")
    assert [mode(place) for place in (file.parent.parent, file.parent, file)] == [
        0o700,
        0o700,
        0o600,
    ]
    assert read_private(file) == "2"


def test_what_is_too_long_is_cut(file):
    file.write_text("1" * 10**6)
    assert read_private(file) == "1" * 100


@pytest.mark.parametrize("kind", NO_FILES)
def test_only_regular_files_are_read(file, kind):
    file.unlink()
    NO_FILES[kind](file)
    assert refused(file) == f"{file} is not a regular file"


def test_a_link_is_refused_even_to_a_file_of_ours(file):
    link = file.with_name("link")
    link.symlink_to(file)
    assert "is not a regular file" in refused(link)


@pytest.mark.parametrize("bits", [0o620, 0o602, 0o666])
def test_a_file_that_others_may_write_is_refused(file, bits):
    file.chmod(bits)
    assert refused(file) == f"others may write to {file}: chmod go-w ends that"


@pytest.mark.parametrize("bits", [0o720, 0o777, 0o1777])
def test_a_folder_that_others_may_write_to_is_refused(file, bits):
    file.parent.chmod(bits)
    assert f"others may write to {file.parent}" in refused(file)
    with pytest.raises(OSError, match="others may write"):
        make_private_folder(file.parent)


def test_a_folder_above_in_which_others_may_rename_is_refused(file):
    above = file.parent.parent
    above.chmod(0o777)
    assert f"others may write to {above}" in refused(file)
    with pytest.raises(OSError, match="others may write"):
        make_private_folder(above / "new")
    above.chmod(0o1777)
    assert read_private(file) == "7\n"


@needs_root
@pytest.mark.parametrize(("group", "fine"), [(0, True), (STRANGER, False)])
def test_above_the_users_own_group_may_write_and_no_other(file, group, fine):
    above = file.parent.parent
    os.chown(above, -1, group)
    above.chmod(0o770)
    if fine:
        assert read_private(file) == "7\n"
    else:
        assert f"others may write to {above}" in refused(file)


@pytest.mark.parametrize("levels", [0, 1, 2])
def test_what_belongs_to_somebody_else_is_refused(file, levels, monkeypatch):
    give_away([file, *file.parents][levels], monkeypatch)
    assert " belongs to user " in refused(file)


def test_a_link_on_the_way_is_refused(file, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(file.parent)
    with pytest.raises(OSError, match="link is not a folder"):
        require_private_folder(link)


def test_nothing_is_made_in_a_strangers_folder(file, monkeypatch):
    folder = file.parent
    give_away(folder, monkeypatch)
    with pytest.raises(OSError, match="belongs to user"):
        make_private_folder(folder / "new")
    assert not (folder / "new").exists()
