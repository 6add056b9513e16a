"""Built-in data: cartoon faces drawn from parameters, with the true image of every change of attribute."""

from i2ikit.data.faces.dataset import FacesDataset
from i2ikit.data.faces.identity import EXPRESSIONS, FACES, Identities, identities, rows
from i2ikit.data.faces.nearest import nearest_values
from i2ikit.data.faces.palette import PARTS
from i2ikit.data.faces.views import VIEWS, draw, erased, segment_map
from i2ikit.data.faces.write import write

__all__ = [
    "EXPRESSIONS",
    "FACES",
    "PARTS",
    "VIEWS",
    "FacesDataset",
    "Identities",
    "draw",
    "erased",
    "identities",
    "nearest_values",
    "rows",
    "segment_map",
    "write",
]
