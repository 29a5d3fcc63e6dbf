"""What transforms share that let a name of Keras be one that the file itself defines."""

from __future__ import annotations

import libcst as cst

from kerasmigrate.transform import Context, Transform


class LocalNames(Transform):
    """Base of transforms that put local names in the place of references."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        #: References, and the names that take their place.
        self._names: dict[cst.CSTNode, str] = {}

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.BaseExpression:
        return self._renamed(original_node, updated_node)

    def leave_Attribute(
        self, original_node: cst.Attribute, updated_node: cst.Attribute
    ) -> cst.BaseExpression:
        return self._renamed(original_node, updated_node)

    def _renamed(
        self, original: cst.Name | cst.Attribute, updated: cst.Name | cst.Attribute
    ) -> cst.BaseExpression:
        local = self._names.get(original)
        if local is None:
            return updated
        return cst.Name(local, lpar=updated.lpar, rpar=updated.rpar)
