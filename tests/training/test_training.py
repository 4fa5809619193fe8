"""Training: recipes, real learning, and what others can do with what comes out."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.trainings import SMALL, digits, pictures, same, table, weights
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import nn

from brainscore_cornet import UserError, extract_features, load_model, load_network, train, validate
from brainscore_cornet.cornet.architectures import build_network
from brainscore_cornet.cornet.progress_line import listening
from brainscore_cornet.training import progress, training_records
from brainscore_cornet.training.module import Learner
from brainscore_cornet.training.recipes import RECIPES, recipe_for
from brainscore_cornet.training.training_records import read_table


@pytest.mark.parametrize(
    ("model", "epochs", "lr", "step_size"), [("Z", 25, 0.01, 10), ("RT", 25, 0.1, 10), ("S", 43, 0.1, 20)]
)
def test_recipes_are_cornets(model, epochs, lr, step_size):
    """The learning rate at every epoch is lr x 0.1^floor(epoch / step_size), whatever part of the epoch is done."""
    recipe = recipe_for(model)
    assert (recipe.epochs, recipe.batch_size, recipe.momentum, recipe.weight_decay) == (epochs, 256, 0.9, 1e-4)
    for epoch in range(epochs):
        expected = lr * 0.1 ** (epoch // step_size)
        assert recipe.learning_rate(epoch) == recipe.learning_rate(epoch + 0.99) == expected
    assert RECIPES["R"] == RECIPES["RT"]  # none is published for R


def test_cosine():
    """The cosine schedule falls from the learning rate to 0 in half a wave, also within epochs."""
    recipe = recipe_for("Z", schedule="cosine", epochs=10, lr=0.2)
    assert recipe.learning_rate(0) == 0.2
    assert math.isclose(recipe.learning_rate(5), 0.1)
    assert recipe.learning_rate(4.5) > recipe.learning_rate(4.6)
    assert recipe.learning_rate(10) == 0


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"epochs": 0}, "epochs"),
        ({"lr": 0}, "lr as a number above 0"),
        ({"lr": math.nan}, "lr as a number above 0"),
        ({"momentum": 1.0}, "momentum as a number of at least 0, below 1"),
        ({"weight_decay": -1}, "weight decay"),
        ({"label_smoothing": 1.5}, "label smoothing"),
        ({"batch_size": 2.5}, "batch size"),
        ({"optimizer": "adam"}, "adamw"),
        ({"optimizer": "adamw"}, "--lr 0.001"),
        ({"schedule": "linear"}, "schedule"),
    ],
)
def test_what_is_no_recipe(changes, expected):
    """An invalid recipe is refused, with what was expected."""
    with pytest.raises(UserError, match=expected):
        recipe_for("Z", **changes)


@pytest.mark.parametrize("model", ["Z", "R", "RT", pytest.param("S", marks=pytest.mark.slow)])
def test_the_shorter_way_has_the_same_gradients(model):
    """Training computes only what the logits depend on; logits and gradients are those of the whole network."""
    images = torch.randint(
        0,
        256,
        (2, 3, 32, 32) if model == "S" else (4, 3, 64, 64),
        dtype=torch.uint8,
        generator=torch.Generator().manual_seed(0),
    )
    found = []
    for shorter in (False, True):
        network = build_network(model, seed=1).double()
        learner = Learner(network, RECIPES[model])
        seen = (images.double() / 255 - torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1).double()) / torch.tensor(
            [0.229, 0.224, 0.225]
        ).view(3, 1, 1).double()
        logits = learner.logits(seen) if shorter else network(seen)
        nn.functional.cross_entropy(logits, torch.arange(len(images))).backward()
        found.append([logits, *(parameter.grad for parameter in network.parameters())])
    for ours, plain in zip(*found, strict=True):
        torch.testing.assert_close(ours, plain, rtol=1e-9, atol=1e-12)


def test_is_plain_sgd(tmp_path):
    """The weights are those of a loop that anybody would write, over the same batches."""
    folder = pictures(tmp_path, 4, 1)
    train("Z", folder, tmp_path / "out", epochs=2, batch_size=5, lr=0.02, step_size=1, **SMALL)
    from brainscore_cornet.training.folders import find_training
    from brainscore_cornet.training.image_dataset import TrainingSampler, Views, normalized

    images, _ = find_training(folder)
    network = build_network("Z", classes=3)
    optimizer = torch.optim.SGD(network.parameters(), 0.02, momentum=0.9, weight_decay=1e-4)
    order, views = TrainingSampler(len(images), 5, seed=0), Views(images, 32, seed=0)
    for epoch in range(2):
        order.start(epoch)
        optimizer.param_groups[0]["lr"] = 0.02 * 0.1**epoch
        for keys in order:
            batch = views.__getitems__(keys)
            loss = nn.functional.cross_entropy(network(normalized(batch.images)), batch.labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    for name, ours in weights(tmp_path / "out" / "cornet_z_epoch_02.pth").items():
        torch.testing.assert_close(ours, network.state_dict()[name.removeprefix("module.")], rtol=1e-4, atol=1e-6)


def test_parts_of_a_batch_are_the_batch(tmp_path):
    """Accumulated in parts, uneven ones too, the joint batch makes the same step."""
    folder = pictures(tmp_path, 5, 1)
    options = {"epochs": 1, "batch_size": 8, "lr": 0.002, **SMALL}
    outputs = [tmp_path / f"out-{parts}" for parts in (1, 3)]
    for parts, output in zip((1, 3), outputs, strict=True):
        train("RT", folder, output, accumulate=parts, **options)
    whole, parts = (weights(output / "cornet_rt_epoch_01.pth") for output in outputs)
    for name, ours in parts.items():
        torch.testing.assert_close(ours, whole[name], rtol=1e-4, atol=1e-5)


def test_learns(tmp_path):
    """A few hundred handwritten digits, a few epochs: far above chance on digits that were never shown."""
    rows = train("Z", digits(tmp_path, 400), tmp_path / "out", epochs=6, batch_size=16, lr=0.01, step_size=4, **SMALL)
    assert rows["val_top1"].iloc[-1] > 0.5
    assert rows["train_loss"].iloc[-1] < 0.8 * rows["train_loss"].iloc[0]
    assert list(rows["learning_rate"]) == pytest.approx([0.01] * 4 + [0.001] * 2)
    assert set(rows["train_images"]) == {320}
    assert set(rows["val_images"]) == {80}
    check_records(tmp_path / "out", 6)


def check_records(output: Path, epochs: int) -> None:
    """Table, TensorBoard and picture have all epochs."""
    rows = read_table(output)
    assert [row.epoch for row in rows] == list(range(1, epochs + 1))
    log = EventAccumulator(str(output / "tensorboard")).Reload()
    for name in ("loss/train", "loss/val", "top1/train", "top1/val", "top5/val", "learning_rate"):
        assert [event.step for event in log.Scalars(name)] == list(range(1, epochs + 1))
    logged = [event.value for event in log.Scalars("top1/val")]
    np.testing.assert_allclose(logged, [row.val_top1 for row in rows], rtol=1e-6)
    with Image.open(output / "training.png") as picture:
        assert picture.width > 1000


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "least", "options"),
    [
        ("Z", 0.95, {"lr": 0.01, "epochs": 16, "step_size": 10, "batch_size": 32}),
        ("RT", 0.90, {"lr": 0.004, "epochs": 18, "step_size": 14, "batch_size": 16}),
    ],
)
def test_learns_all_digits(tmp_path, model, least, options):
    """On held-out handwritten digits, more than 95 % (Z) and 90 % (RT) are classified correctly."""
    rows = train(model, digits(tmp_path), tmp_path / "out", **options, **SMALL)
    assert rows["val_top1"].iloc[-1] > least


@pytest.fixture(scope="module")
def thousand(tmp_path_factory) -> Path:
    """A thousand classes with WordNet's kind of names, a picture each, and in `out` an epoch of CORnet-Z on them."""
    folder = tmp_path_factory.mktemp("thousand")
    names = [f"n{10_000_000 + index}" for index in range(1000)]
    for name in names:
        (folder / "val" / name).mkdir(parents=True)
        Image.new("L", (36, 36), int(name[1:]) % 256).save(folder / "val" / name / "0.png")
    (folder / "train").symlink_to(folder / "val")
    train("Z", folder, folder / "out", epochs=1, batch_size=200, lr=0.001, **SMALL)
    return folder


def test_released_form(thousand, pictures, tmp_path):
    """What comes out is read by `load_model`, `extract_features` and `validate`, and says what it is."""
    path = thousand / "out" / "cornet_z_epoch_01.pth"
    held = torch.load(path, weights_only=True)
    assert (held["epoch"], held["architecture"], held["image_size"]) == (1, "Z", 32)
    assert len(held["classes"]) == 1000
    released = {f"module.{name}" for name in build_network("Z").state_dict()}
    assert set(held["state_dict"]) == released
    network = load_network("cornet_z", weights=path)
    assert all(torch.equal(held["state_dict"][f"module.{name}"], each) for name, each in network.state_dict().items())
    model = load_model("cornet_z", weights=path, image_size=64, device="cpu")
    features = extract_features(model, pictures[:2], layers=["IT"])
    assert features["IT.output"].shape == (1, 2, 512, 2, 2)
    checkpoint = next((thousand / "out" / "checkpoints").glob("*.ckpt"))
    same_weights = load_network("cornet_z", weights=checkpoint).state_dict()
    assert all(torch.equal(same_weights[name], each) for name, each in network.state_dict().items())


def test_what_was_trained_is_written_in_it(tmp_path):
    """R's weights fit RT, but are not taken for it; nor does RT go on from a run of R."""
    folder = pictures(tmp_path, 1, 1)
    train("R", folder, tmp_path / "out", epochs=1, **SMALL)
    with pytest.raises(UserError, match="says that it holds CORnet-R"):
        load_network("cornet_rt", weights=tmp_path / "out" / "cornet_r_epoch_01.pth")
    with pytest.raises(UserError, match="cannot be resumed as CORnet-RT"):
        train("RT", folder, tmp_path / "rt", restore_path=tmp_path / "out", **SMALL)


def test_validation_is_a_loop_over_images(thousand):
    """Top-1, top-5 and loss are those of the network shown image by image, and of the training's last row."""
    path = thousand / "out" / "cornet_z_epoch_01.pth"
    found = validate("cornet_z", thousand, weights=path, batch_size=96, **SMALL)
    network = load_network("cornet_z", weights=path)
    from brainscore_cornet.training.folders import find_validation
    from brainscore_cornet.training.image_dataset import Key, Views, normalized

    images = find_validation(thousand)
    batch = Views(images, 32).__getitems__([Key(0, index) for index in range(1000)])
    with torch.no_grad():
        logits = torch.cat([network(part) for part in normalized(batch.images).split(100)])
    top5 = logits.topk(5).indices
    assert found.images == 1000
    assert found.top1 == pytest.approx((top5[:, 0] == batch.labels).float().mean().item())
    assert found.top5 == pytest.approx((top5 == batch.labels[:, None]).any(1).float().mean().item())
    assert found.loss == pytest.approx(nn.functional.cross_entropy(logits, batch.labels).item(), rel=1e-5)
    assert found.resize == "crop"
    squeezed = validate(
        "cornet_z", thousand, weights=path, batch_size=250, resize="squeeze", background="grey", **SMALL
    )
    assert (squeezed.resize, squeezed.background, squeezed.images) == ("squeeze", (128, 128, 128), 1000)
    (row,) = read_table(thousand / "out")
    assert (row.val_top1, row.val_top5) == (found.top1, found.top5)
    assert (found.agrees, found.comparison) == (None, "no comparison: these are not the released weights")


def test_other_classes_keep_what_was_learnt(thousand, tmp_path):
    """A network for three classes starts from all of a network for a thousand but the decoder's linear layer."""
    folder = pictures(tmp_path, 2, 1)
    path = thousand / "out" / "cornet_z_epoch_01.pth"
    train("Z", folder, tmp_path / "out", weights=path, epochs=1, lr=1e-12, **SMALL)
    before, after = weights(path), weights(tmp_path / "out" / "cornet_z_epoch_01.pth")
    for name, tensor in after.items():
        if name.startswith("module.decoder.linear"):
            assert tensor.shape[0] == 3
        else:
            torch.testing.assert_close(tensor, before[name], rtol=0, atol=1e-9)


def test_restored(tmp_path):
    """Training from another run's folder continues its optimizer; from a released file it starts a new one."""
    folder = pictures(tmp_path, 3, 1)
    options = {"batch_size": 4, "lr": 0.02, **SMALL}
    train("Z", folder, tmp_path / "whole", epochs=2, **options)
    train("Z", folder, tmp_path / "half", epochs=1, **options)
    train("Z", folder, tmp_path / "a", epochs=2, restore_path=tmp_path / "half", **options)
    last = "cornet_z_epoch_02.pth"
    assert same(tmp_path / "a" / last, tmp_path / "whole" / last)
    rows = train(
        "Z", folder, tmp_path / "b", epochs=2, restore_path=tmp_path / "half" / "cornet_z_epoch_01.pth", **options
    )
    assert list(rows["epoch"]) == [2]
    assert table(tmp_path / "b")[0] == table(tmp_path / "whole")[0]
    assert not same(tmp_path / "b" / last, tmp_path / "whole" / last)
    with pytest.raises(UserError, match="was trained for 1 epochs, not less than 1"):
        train(
            "Z", folder, tmp_path / "c", epochs=1, restore_path=tmp_path / "half" / "cornet_z_epoch_01.pth", **options
        )


def test_progress_is_reported(tmp_path, monkeypatch):
    """Each epoch and each validation reports how many of how many images are done, with loss and accuracy."""
    monkeypatch.setattr(progress, "_RENEWED_AFTER", 0.0)
    reported = []
    with listening(lambda work, key: reported.append(work)):
        train("Z", pictures(tmp_path, 2, 1), tmp_path / "out", epochs=1, batch_size=2, lr=0.01, **SMALL)
    epoch, validation = (
        [each for each in reported if each and each.what == what] for what in ("epoch 1/1", "validation")
    )
    assert [(each.done, each.total) for each in epoch] == [(0, 6), (2, 6), (4, 6), (6, 6)]
    assert re.fullmatch(r"loss \d\.\d{4}, top-1 [\d.]+ %, lr 0\.01", epoch[-1].note)
    assert [(each.done, each.total) for each in validation] == [(0, 3), (2, 3), (3, 3)]
    assert re.fullmatch(r"loss \d\.\d{4}, top-1 [\d.]+ %", validation[-1].note)
    assert reported[-1] is None


def test_the_figure_is_drawn_at_the_end(tmp_path, monkeypatch, caplog):
    """It is drawn after the last epoch, and after others only when the last one is some seconds old.

    A run that is complete says so, with its accuracy.
    """
    drawn, draw = [], training_records.draw

    def noted(rows, *options):
        drawn.append([row.epoch for row in rows])
        draw(rows, *options)

    monkeypatch.setattr(training_records, "draw", noted)
    folder = pictures(tmp_path, 1, 1)
    train("Z", folder, tmp_path / "short", epochs=2, **SMALL)
    assert drawn == [[1, 2]]
    assert not caplog.messages
    again = train("Z", folder, tmp_path / "short", epochs=2, **SMALL)
    top1 = 100 * again["val_top1"].iloc[-1]
    said = rf"short is complete: 2 epochs, validation loss \d\.\d{{4}}, top-1 {top1:.2f} %\."
    assert [bool(re.search(said, message)) for message in caplog.messages] == [True]
    monkeypatch.setattr(training_records, "_REDRAWN_AFTER", 0.0)
    train("Z", folder, tmp_path / "long", epochs=2, **SMALL)
    assert drawn[1:] == [[1], [1, 2]]


def test_top_5_of_few_classes_is_left_out(tmp_path, capsys):
    """With five classes or fewer, all of which the best five are, top-5 is in no table, text or figure."""
    folder = pictures(tmp_path, 1, 1)
    rows = train("Z", folder, tmp_path / "out", epochs=1, **SMALL)
    assert rows["val_top5"].isna().all()
    assert rows["val_top1"].notna().all()
    assert "epoch 1/1: training loss" in (printed := capsys.readouterr().err)
    assert "top-5" not in printed
    assert validate("cornet_z", folder, weights=tmp_path / "out" / "cornet_z_epoch_01.pth", device="cpu").top5 is None
