"""The notebooks are in their normal form, and so is what makes it."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import normalise_notebooks
import pytest
from nbformat import v4
from notebook_form import complaints, to_text

NOTEBOOKS = sorted((Path(__file__).resolve().parent.parent / "notebooks").rglob("*.ipynb"))


def sound():
    """Return a notebook as it should be, in memory."""
    stream = v4.new_output("stream", name="stdout", text="2\n")
    cells = [
        v4.new_markdown_cell("# Title\n\nWhat is asked?", id="title"),
        v4.new_code_cell("n = 1", id="n", execution_count=1, metadata={"tags": ["parameters"]}),
        v4.new_code_cell("print(n + 1)", id="sum", execution_count=2, outputs=[stream]),
    ]
    return v4.new_notebook(cells=cells)


def written(folder, notebook, name="01_topic.ipynb"):
    path = folder / name
    path.write_text(to_text(notebook), encoding="utf-8")
    return path


@pytest.mark.skipif(not NOTEBOOKS, reason="there are no notebooks yet")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_notebook_is_in_normal_form(path):
    assert complaints(path) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_notebook_runs_the_small_size_unless_it_is_told(path):
    (parameters,) = (
        cell.source
        for cell in nbformat.read(path, as_version=4).cells
        if "parameters" in cell.metadata.get("tags", ())
    )
    assert re.search(r"^FULL = False\b", parameters, re.MULTILINE)


class TestComplaints:
    def test_sound_notebook_has_none(self, tmp_path):
        assert complaints(written(tmp_path, sound())) == []

    def test_name_without_number_is_named(self, tmp_path):
        assert "NN_topic" in complaints(written(tmp_path, sound(), "topic.ipynb"))[0]

    def test_large_file_is_named(self, tmp_path):
        notebook = sound()
        notebook.cells[0].source += "x" * 500_000
        assert "the limit is 500,000" in complaints(written(tmp_path, notebook))[0]

    def test_kernel_metadata_is_not_normal(self, tmp_path):
        path = written(tmp_path, sound())
        text = path.read_text().replace(
            '"name": "python"\n', '"name": "python",\n "version": "3"\n'
        )
        path.write_text(text)
        assert complaints(path) == ["not in normal form: run make notebooks"]

    @pytest.mark.parametrize("counts", [(None, None), (1, 1), (2, 1), (1, 3)])
    def test_cells_not_executed_in_order_are_named(self, tmp_path, counts):
        notebook = sound()
        for cell, count in zip(notebook.cells[1:], counts, strict=True):
            cell.execution_count = count
        assert complaints(written(tmp_path, notebook)) == [
            "not executed in order, once each: run make notebooks"
        ]

    def test_missing_title_is_named(self, tmp_path):
        notebook = sound()
        notebook.cells[0].source = "No title"
        assert "first cell" in complaints(written(tmp_path, notebook))[0]

    def test_notebook_without_cells_is_named(self, tmp_path):
        assert "first cell" in complaints(written(tmp_path, v4.new_notebook()))[0]

    def test_missing_parameters_are_named(self, tmp_path):
        notebook = sound()
        notebook.cells[1].metadata = {}
        assert "0 code cells are tagged" in complaints(written(tmp_path, notebook))[0]

    @pytest.mark.parametrize(
        ("source", "problem"),
        [
            ("def helper():\n    return 1", "defines a function"),
            ("n + 1;", "ends in ';'"),
            ("%time n + 1", "uses %time"),
        ],
    )
    def test_source_that_breaks_a_rule_is_named(self, tmp_path, source, problem):
        notebook = sound()
        notebook.cells[2].source = source
        (found,) = complaints(written(tmp_path, notebook))
        assert found.startswith(f"code cell 2 {problem}")

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("<object at 0x7f1c>", "a memory address"),
            ("wrote /home/me/x", "an absolute path"),
            ("one\n/home/me/x", "an absolute path"),
            ("File \x1b[32m~/me/x.py\x1b[39m", "an absolute path"),
            (r"C:\Users\me", "an absolute path"),
        ],
    )
    def test_output_that_cannot_repeat_is_named(self, tmp_path, text, problem):
        data = v4.new_output("display_data", {"text/plain": text})
        error = v4.new_output("error", ename="E", evalue="", traceback=[text])
        notebook = sound()
        notebook.cells[2].metadata = {"tags": ["raises-exception"]}
        for output in (data, error):
            notebook.cells[2].outputs = [output]
            assert complaints(written(tmp_path, notebook)) == [f"code cell 2 shows {problem}"]

    @pytest.mark.parametrize("text", ["<b>1/2</b><br/>", "https://a.org/b/c", "and/or", "3 / 4"])
    def test_slash_alone_is_no_path(self, tmp_path, text):
        notebook = sound()
        notebook.cells[2].outputs = [v4.new_output("display_data", {"text/html": text})]
        assert complaints(written(tmp_path, notebook)) == []

    def test_address_behind_html_is_not_shown(self, tmp_path):
        data = {"text/html": "<table/>", "text/plain": "<Styler at 0x7f1c>"}
        notebook = sound()
        notebook.cells[2].outputs = [v4.new_output("display_data", data)]
        assert complaints(written(tmp_path, notebook)) == []

    def test_error_is_named_unless_it_is_meant(self, tmp_path):
        notebook = sound()
        notebook.cells[2].outputs = [v4.new_output("error", ename="E", evalue="", traceback=[])]
        assert complaints(written(tmp_path, notebook)) == ["code cell 2 ended in an error"]
        notebook.cells[2].metadata = {"tags": ["raises-exception"]}
        assert complaints(written(tmp_path, notebook)) == []


class TestNormalForm:
    def test_it_is_its_own_normal_form(self):
        text = to_text(sound())
        assert to_text(nbformat.reads(text, as_version=4)) == text

    def test_repeated_cell_id_is_numbered(self):
        notebook = sound()
        notebook.cells[1].id = "title"
        ids = [cell.id for cell in nbformat.reads(to_text(notebook), as_version=4).cells]
        assert ids == ["title", "cell-02", "sum"]

    def test_what_editors_add_is_dropped(self):
        plain = to_text(sound())
        notebook = sound()
        notebook.metadata["widgets"] = {"state": {}}
        notebook.cells[0].metadata["collapsed"] = True
        notebook.cells[2].metadata["execution"] = {"started": "now"}
        notebook.cells[2].source += "\n"
        assert to_text(notebook) == plain


class TestCompared:
    """What counts as a change when a notebook is executed again."""

    def same(self, before, after):
        notebooks = []
        for output in (before, after):
            notebook = sound()
            notebook.cells[2].outputs = [output]
            notebooks.append(normalise_notebooks.compared(notebook))
        return notebooks[0] == notebooks[1]

    def shown(self, **data):
        return v4.new_output(
            "display_data", {mime.replace("_", "/"): v for mime, v in data.items()}
        )

    def test_text_is_a_change(self):
        assert not self.same(self.shown(text_plain="1"), self.shown(text_plain="2"))
        assert not self.same(self.shown(text_html="1"), self.shown(text_html="2"))

    def test_picture_is_none_but_its_absence_is(self):
        assert self.same(self.shown(image_png="aa"), self.shown(image_png="bb"))
        assert not self.same(self.shown(image_png="aa"), self.shown(text_plain="bb"))

    def test_kind_of_output_is_a_change(self):
        printed = v4.new_output("stream", name="stdout", text="1")
        assert not self.same(self.shown(text_plain="1"), printed)

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ("<thing at 0x7f1c2a>", "<thing at 0x55aa10>"),
            ("<Figure size 640x480 with 1 Axes>", "<Figure size 800x480 with 1 Axes>"),
            ('id="T_0a1b2_row0"', 'id="T_ffee0_row0"'),
            ("/var/ipykernel_12/345.py:3", "/var/ipykernel_99/1.py:3"),
            ("https://errors.pydantic.dev/2.10/v/x", "https://errors.pydantic.dev/2.14/v/x"),
        ],
    )
    def test_what_is_sanitized_is_none(self, before, after):
        assert self.same(self.shown(text_plain=before), self.shown(text_plain=after))
        assert not self.same(self.shown(text_plain=before), self.shown(text_plain=after + "!"))

    def test_ignored_cell_is_none(self):
        notebooks = [sound(), sound()]
        notebooks[1].cells[2].outputs = []
        assert normalise_notebooks.compared(notebooks[0]) != normalise_notebooks.compared(
            notebooks[1]
        )
        for notebook in notebooks:
            notebook.cells[2].metadata = {"tags": ["nbval-ignore-output"]}
        assert normalise_notebooks.compared(notebooks[0]) == normalise_notebooks.compared(
            notebooks[1]
        )


class TestRefresh:
    """With real kernels; one notebook takes about a second."""

    def test_executes_writes_and_then_leaves_the_file_alone(self, tmp_path):
        notebook = sound()
        notebook.cells[2].source = "import random\nn + 1"
        notebook.cells[2].outputs = []
        path = written(tmp_path, notebook)
        assert normalise_notebooks.refresh(path)
        assert complaints(path) == []
        stored = path.read_bytes()
        assert nbformat.reads(stored, as_version=4).cells[2].outputs[0].data["text/plain"] == "2"
        assert not normalise_notebooks.refresh(path)
        assert path.read_bytes() == stored

    def test_cell_that_raises_leaves_the_file_alone(self, tmp_path, capsys):
        notebook = sound()
        notebook.cells[2].source = "1 / 0"
        path = written(tmp_path, notebook)
        stored = path.read_bytes()
        assert normalise_notebooks.main([str(path)]) == 1
        assert path.read_bytes() == stored
        assert re.search(
            r"01_topic\.ipynb: failed.*ZeroDivisionError", capsys.readouterr().err, re.DOTALL
        )
