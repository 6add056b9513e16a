"""Built-in data set of cartoon faces, which are drawn from parameters. The true image of every change of attributes is known."""

from i2ikit.data.faces.dataset import FacesDataset
from i2ikit.data.faces.identity import EXPRESSIONS, FACES, Identities, sample_identities, sample_rows
from i2ikit.data.faces.nearest import find_nearest_values
from i2ikit.data.faces.palette import PARTS
from i2ikit.data.faces.views import VIEWS, draw_faces, draw_segments, make_erase_mask
from i2ikit.data.faces.write import write_faces

__all__ = [
    "EXPRESSIONS",
    "FACES",
    "PARTS",
    "VIEWS",
    "FacesDataset",
    "Identities",
    "draw_faces",
    "draw_segments",
    "find_nearest_values",
    "make_erase_mask",
    "sample_identities",
    "sample_rows",
    "write_faces",
]
