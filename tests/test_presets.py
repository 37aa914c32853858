"""Preset files: those that ship, the user's over them, and every mistake in one line."""

import os
from itertools import product

import msgspec
import pytest
from reference_loop import PRESETS

from tui_trainer.config import presets as preset_files
from tui_trainer.config.presets import (
    CATEGORIES,
    DEFAULT_RECIPE,
    PARTS,
    load_presets,
    make_config,
    user_config_folder,
)
from tui_trainer.config.stopping import (
    FirstIncrease,
    GeneralizationLoss,
    Patience,
    PatientAverage,
    ProgressQuotient,
)
from tui_trainer.config.validation import InvalidSettingsError

HE = '[{name}]\ndescription = "{description}"\nlayer = "LinearHe"\n'
RECIPE = (
    '[mine]\ndescription = "x"\ndataset = "wave"\narchitecture = "mlp-4x20"\ninit = "he"\n'
    'regularizer = "none"\nlr = 0.1\n'
)
LAYERS = "LinearHe, LinearKaiming, LinearNormal, LinearTorch, LinearXavier, LinearZeros"
RULES = "first-increase, patient-average, patience, generalization-loss, progress-quotient"


@pytest.fixture(autouse=True)
def user(tmp_path, monkeypatch):
    """The preset folder of a user who has none yet."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config/tui-trainer/presets"


@pytest.fixture
def folder(tmp_path):
    """A folder for --presets."""
    folder = tmp_path / "given"
    folder.mkdir()
    return folder


def he(name, description="x"):
    return HE.format(name=name, description=description)


# What ships


def test_every_recipe_makes_a_config():
    presets = load_presets()
    for recipe in PRESETS.names("recipe"):
        config = make_config(presets, recipe)
        assert [getattr(config, part).name for part in PARTS] == [
            getattr(PRESETS.recipe[recipe].settings, part) for part in PARTS
        ]


def test_recipes_are_those_of_the_specification():
    presets = load_presets()
    for recipe, settings in {
        "linear": ("linear", "zeros", 0.1, "none"),
        "dead-zeros": ("mlp-4x20", "zeros", 0.1, "none"),
        "exploding-normal": ("mlp-4x20", "normal", 0.1, "none"),
        "tamed-normal": ("mlp-4x20", "normal", 0.00001, "none"),
        "kaiming": ("mlp-4x20", "kaiming", 0.01, "none"),
        "stop-first-increase": ("mlp-4x20", "kaiming", 0.01, "stop-first-increase"),
        "stop-patient": ("mlp-4x20", "kaiming", 0.003, "stop-patient"),
        "l1": ("mlp-4x20", "kaiming", 0.003, "l1"),
        "dropout": ("mlp-4x20", "kaiming", 0.003, "dropout"),
    }.items():
        config = make_config(presets, recipe)
        found = (config.architecture.name, config.init.name, config.lr, config.regularizer.name)
        assert found == settings
        assert (config.dataset.name, config.steps) == ("wave", 5000)
        assert (config.seed, config.data_seed) == (0, 0)


def test_the_parts_of_the_recipes_are_those_of_the_specification():
    presets = load_presets()
    assert presets.architecture["linear"].settings.hidden == ()
    assert presets.architecture["mlp-4x20"].settings.hidden == (20, 20, 20, 20)
    assert presets.init["zeros"].settings.layer == "LinearZeros"
    assert presets.init["normal"].settings.layer == "LinearNormal"
    assert presets.init["kaiming"].settings.layer == "LinearKaiming"
    held_back = {name: preset.settings for name, preset in presets.regularizer.items()}
    assert held_back["stop-first-increase"].stopping == FirstIncrease()
    assert held_back["stop-patient"].stopping == PatientAverage(window=50)
    assert held_back["stop-patience"].stopping == Patience(patience=200, restore_best=True)
    loss = GeneralizationLoss(alpha=5, restore_best=True)
    assert held_back["stop-gl"].stopping == loss
    quotient = ProgressQuotient(alpha=3, strip=5, restore_best=True)
    assert held_back["stop-pq"].stopping == quotient
    assert held_back["l1"].l1_weight == 1
    assert held_back["dropout"].dropout == 0.01


def test_every_preset_has_its_name_and_says_what_to_expect():
    for category in CATEGORIES:
        names = PRESETS.names(category)
        assert names
        for name in names:
            assert getattr(PRESETS, category)[name].settings.name == name
            assert 10 < len(PRESETS.description(category, name)) <= 80


def test_presets_come_in_the_order_of_their_file():
    assert PRESETS.names("init") == ["zeros", "normal", "kaiming", "he", "xavier", "own"]


def test_the_default_recipe_is_there():
    assert DEFAULT_RECIPE in load_presets().recipe


# Settings over a recipe's


def test_settings_go_over_those_of_the_recipe():
    settings = {"init": "he", "regularizer": "l1+patient", "lr": 0.5, "steps": 3, "seed": 7}
    config = make_config(PRESETS, "dropout", **settings)
    assert config.init.layer == "LinearHe"
    assert config.regularizer.l1_weight == 1
    assert config.regularizer.dropout is None
    assert (config.lr, config.steps, config.seed) == (0.5, 3, 7)


def test_a_setting_of_none_counts_as_not_given():
    assert make_config(PRESETS, "l1", lr=None, init=None) == make_config(PRESETS, "l1")
    assert make_config(PRESETS, "dropout", dropout=None) == make_config(PRESETS, "dropout")


def test_a_number_overrides_that_of_the_regularizers_preset_and_leaves_the_rest():
    numbers = (("l1_weight", 0), ("l1_weight", 0.3), ("dropout", 0), ("weight_decay", 2.5))
    for regularizer, (key, value) in product(PRESETS.names("regularizer"), numbers):
        config = make_config(PRESETS, "kaiming", regularizer=regularizer, **{key: value})
        preset = PRESETS.regularizer[regularizer].settings
        assert config.regularizer == msgspec.structs.replace(preset, **{key: value})
        assert getattr(config.regularizer, key) == value


def test_numbers_of_the_regularizer_change_no_preset():
    before = make_config(PRESETS, "l1")
    make_config(PRESETS, "l1", l1_weight=7.0, dropout=0.5, weight_decay=1.0)
    assert make_config(PRESETS, "l1") == before


def test_a_wrong_setting_is_refused_in_one_line():
    for recipe, settings, line in (
        ("kaimin", {}, "unknown recipe 'kaimin'; did you mean 'kaiming'? allowed: linear, dead-"),
        ("l1", {"init": "hee"}, "unknown init 'hee'; did you mean 'he'? allowed: zeros, normal"),
        ("l1", {"lr": -1.0}, "lr: expected a number > 0, got -1.0"),
        ("l1", {"steps": 0}, "steps: expected a whole number >= 1, got 0"),
        ("l1", {"dropout": 1.0}, "regularizer.dropout: expected a number < 1, got 1.0"),
        ("l1", {"l1_weight": -1}, "regularizer.l1_weight: expected a number >= 0, got -1"),
        ("l1", {"weight_decay": "x"}, "regularizer.weight_decay: expected a number, got 'x'"),
        ("l1", {"device": "tpu"}, "device: expected cpu, cuda, cuda:N or mps, got 'tpu'"),
        ("l1", {"lrr": 1}, "lrr: unknown key; did you mean 'lr'? allowed: dataset, arch"),
    ):
        with pytest.raises(InvalidSettingsError) as refused:
            make_config(PRESETS, recipe, **settings)
        assert str(refused.value).startswith(line)
        assert "\n" not in str(refused.value)


# The user's files


def test_a_user_without_files_has_the_presets_that_ship(folder):
    assert load_presets() == load_presets(folder) == PRESETS


def test_a_users_table_is_added_and_one_of_a_known_name_replaces_it(user):
    user.mkdir(parents=True)
    (user / "init.toml").write_text(he("mine") + he("zeros", "not zeros"))
    init = load_presets().init
    assert list(init) == [*PRESETS.init, "mine"]
    assert init["mine"].settings.layer == init["zeros"].settings.layer == "LinearHe"
    assert init["zeros"].description == "not zeros"
    assert init["kaiming"] == PRESETS.init["kaiming"]


def test_a_given_folder_goes_over_the_users(user, folder):
    user.mkdir(parents=True)
    (user / "init.toml").write_text(he("mine", "the user's") + he("other"))
    (folder / "init.toml").write_text(he("mine", "the given"))
    init = load_presets(folder).init
    assert list(init) == [*PRESETS.init, "mine", "other"]
    assert init["mine"].description == "the given"


def test_the_users_folder_is_in_the_config_home(user):
    assert user_config_folder() / "presets" == user


def test_a_table_replaces_all_of_another_and_is_not_merged_into_it(folder):
    (folder / "regularizer.toml").write_text('["l1+patient"]\ndescription = "x"\ndropout = 0.5\n')
    replaced = load_presets(folder).regularizer["l1+patient"].settings
    assert (replaced.stopping, replaced.l1_weight, replaced.dropout) == (None, 0, 0.5)


def test_a_recipe_may_name_presets_of_the_same_folder(folder):
    (folder / "init.toml").write_text(he("mine"))
    (folder / "recipe.toml").write_text(RECIPE.replace('"he"', '"mine"') + "seed = 4\n")
    config = make_config(load_presets(folder), "mine")
    assert (config.init.name, config.seed, config.data_seed) == ("mine", 4, 0)


def test_files_that_are_no_toml_are_passed_over(folder):
    (folder / "notes.txt").write_text("[")
    (folder / "init.toml.orig").write_text("[")
    assert load_presets(folder) == PRESETS


def test_an_empty_file_changes_nothing(folder):
    (folder / "init.toml").write_text("# nothing yet\n")
    assert load_presets(folder) == PRESETS


def test_names_and_descriptions_may_be_in_any_script(folder):
    (folder / "init.toml").write_text(he('"日本 ½"', "größer"), encoding="utf-8")
    assert load_presets(folder).description("init", "日本 ½") == "größer"


# Mistakes

MISTAKES = [
    ("init", '[a]\nlayer = "LinearHe"', "[a] description: expected a string that says what to"),
    ("init", '[a]\ndescription = " "\nlayer = "LinearHe"', "[a] description: expected a string"),
    ("init", "[a]\ndescription = 3", "[a] description: expected a string that says what to expect"),
    ("init", '[a]\ndescription = "x"', f"[a] layer: missing; allowed: {LAYERS}"),
    ("init", he("a") + "bias = 1", "[a] bias: unknown key; allowed: description, layer"),
    ("init", he("a") + 'name = "b"', "[a] name: unknown key; allowed: description, layer"),
    (
        "init",
        he("a").replace("LinearHe", "LinearKaimin"),
        f"[a] layer: unknown value 'LinearKaimin'; did you mean 'LinearKaiming'? allowed: {LAYERS}",
    ),
    (
        "init",
        he("a").replace('"LinearHe"', "3"),
        f"[a] layer: unknown value 3; allowed: {LAYERS}",
    ),
    *(
        ("init", he("a", text), "[a] description: expected one line without control characters")
        for text in (r"\u001b[2J", r"two\nlines", r"\u009b2J", r"\u202eright to left")
    ),
    ("init", he(r'"a\u001b[2J"'), r"[a\x1b[2J] a name is one line without control characters"),
    ("init", he("a") + r'"\u0007" = 1', r"[a] \x07: unknown key; allowed: description, layer"),
    ("init", 'a = "LinearHe"', "[a] expected a table of settings, got 'LinearHe'"),
    ("init", "[[a]]\nb = 1", "[a] expected a table of settings, got [{'b': 1}]"),
    ("init", "[a", "not a TOML file: "),
    ("init", he("a") + he("a"), "not a TOML file: "),
    (
        "architecture",
        '[a]\ndescription = "x"\nnetwork = "mpl"',
        "[a] network: unknown network 'mpl'; did you mean 'mlp'? allowed: mlp",
    ),
    (
        "architecture",
        '[a]\ndescription = "x"\nnetwork = "mlp"\nhidden = [20, -1]',
        "[a] hidden.1: expected a whole number >= 1, got -1",
    ),
    (
        "dataset",
        '[a]\ndescription = "x"\nfunction = "wave"\ntrain_points = 0.5',
        "[a] train_points: expected a whole number, got 0.5",
    ),
    (
        "dataset",
        '[a]\ndescription = "x"\nfunction = "sine"',
        "[a] function: unknown function 'sine'; allowed: wave",
    ),
    (
        "regularizer",
        '[a]\ndescription = "x"\nl1_weight = -1',
        "[a] l1_weight: expected a number >= 0, got -1",
    ),
    (
        "regularizer",
        '[a]\ndescription = "x"\ndropout = 1.0',
        "[a] dropout: expected a number < 1, got 1.0",
    ),
    (
        "regularizer",
        '[a]\ndescription = "x"\nl1_wieght = 1',
        "[a] l1_wieght: unknown key; did you mean 'l1_weight'? allowed: description, stopping",
    ),
    (
        "regularizer",
        '[a]\ndescription = "x"\nstopping = { rule = "patient" }',
        f"[a] stopping.rule: unknown value 'patient'; did you mean 'patience'? allowed: {RULES}",
    ),
    (
        "regularizer",
        '[a]\ndescription = "x"\nstopping = { window = 5 }',
        f"[a] stopping.rule: missing; allowed: {RULES}",
    ),
    ("recipe", RECIPE.replace("0.1", "-0.1"), "[mine] lr: expected a number > 0, got -0.1"),
    ("recipe", RECIPE.replace("0.1", "inf"), "[mine] lr: expected a finite number, got inf"),
    ("recipe", RECIPE.replace("0.1", "nan"), "[mine] lr: expected a number > 0, got nan"),
    ("recipe", RECIPE + "steps = 0", "[mine] steps: expected a whole number >= 1, got 0"),
    ("recipe", RECIPE.replace("0.1", "'0.1'"), "[mine] lr: expected a number, got '0.1'"),
    ("recipe", RECIPE.replace("lr = 0.1", ""), "[mine] lr: missing"),
    ("recipe", RECIPE.replace('init = "he"', ""), "[mine] init: missing"),
    ("recipe", RECIPE + 'device = "cpu"', "[mine] device: unknown key; allowed: description, "),
    (
        "recipe",
        RECIPE.replace('"he"', '"kaimin"'),
        "[mine] init: unknown init 'kaimin'; did you mean 'kaiming'? allowed: zeros, normal",
    ),
    (
        "recipe",
        RECIPE.replace('"wave"', '"sine"'),
        "[mine] dataset: unknown dataset 'sine'; allowed: wave, wave-40",
    ),
]


def refusal(folder):
    with pytest.raises(InvalidSettingsError) as refused:
        load_presets(folder)
    line = str(refused.value)
    assert len(line.splitlines()) == 1
    return line


def test_a_mistake_names_its_file_table_and_key_and_what_is_allowed(folder):
    for category, text, line in MISTAKES:
        file = folder / f"{category}.toml"
        file.write_text(text)
        assert refusal(folder).startswith(f"{file}: {line}")
        file.unlink()


def test_a_mistake_in_the_users_folder_is_named_too(user):
    user.mkdir(parents=True)
    (user / "init.toml").write_text("[a]")
    assert refusal(None).startswith(f"{user / 'init.toml'}: [a] description")


def test_a_file_of_an_unknown_name_is_a_mistake(folder):
    (folder / "inits.toml").write_text("")
    assert refusal(folder) == (
        f"{folder / 'inits.toml'}: unknown file; did you mean 'init.toml'? "
        "allowed: dataset.toml, architecture.toml, init.toml, regularizer.toml, "
        "optimizer.toml, schedule.toml, recipe.toml"
    )


def test_a_file_that_is_not_utf_8_is_a_mistake(folder):
    (folder / "init.toml").write_bytes(b"\xff")
    assert refusal(folder).startswith(f"{folder / 'init.toml'}: not a TOML file: ")


def test_a_file_that_cannot_be_read_is_a_mistake(folder):
    (folder / "init.toml").mkdir()
    assert refusal(folder).startswith(f"{folder / 'init.toml'}: can't be read: ")


def test_a_pipe_a_device_and_a_huge_file_are_refused_unread(folder):
    file = folder / "init.toml"
    os.mkfifo(file)
    assert refusal(folder) == f"{file}: not a regular file"
    file.unlink()
    file.symlink_to("/dev/zero")
    assert refusal(folder) == f"{file}: not a regular file"
    file.unlink()
    file.touch()
    os.truncate(file, 2**40)
    assert refusal(folder) == f"{file}: too large: expected at most 10 MB"


def test_a_file_that_python_cannot_parse_is_a_mistake(folder):
    for text in (f"a = {'9' * 5000}", f"a = {'[' * 10_000}"):  # too long a number, nested too deep
        (folder / "init.toml").write_text(text)
        assert refusal(folder).startswith(f"{folder / 'init.toml'}: not a TOML file: ")


def test_the_folder_given_on_the_command_line_has_to_be_a_folder(folder):
    (folder / "init.toml").write_text("")
    for name, why in (("none", "No such file or directory"), ("init.toml", "Not a directory")):
        assert refusal(folder / name) == f"--presets {folder / name}: {why}"


def test_an_infinite_min_delta_is_refused(folder):
    text = '[a]\ndescription = "x"\nstopping = { rule = "patience", min_delta = inf }'
    (folder / "regularizer.toml").write_text(text)
    assert "stopping.min_delta: expected a finite number" in refusal(folder)


def test_categories_are_the_parts_and_the_recipes():
    assert (*PARTS, "recipe") == CATEGORIES
    assert set(preset_files.Presets.__dataclass_fields__) == set(CATEGORIES)
