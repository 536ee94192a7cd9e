"""FBX 7.4 binary, written by ourselves: bones, one animation stack, and a mannequin skinned to them.

Y up, facing +Z, centimetres. A bone's rest rotation is its pre-rotation: at zero degrees it stands in the
rest pose, which is the bind pose too. Keys lie on frames and interpolate linearly, angles don't jump. The
notes are properties of the topmost bone, as are the foot contacts, which are animated: Unreal reads those as
curves. The mannequin isn't decoration: Unreal makes a skeletal mesh of bones only where a skin hangs on them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posewire_runtime import __version__
from posewire_runtime.figure.mannequin import Mannequin
from posewire_runtime.formats.fbx_binary import CREATION_TIME, FILE_ID, VERSION, Node, pack, packed
from posewire_runtime.formats.tracks import (
    ROTATION,
    TRANSLATION,
    Keys,
    Tracks,
    lift,
    standing_offsets,
    tracks_of,
)
from posewire_runtime.motion import quat
from posewire_runtime.motion.quat import Array
from posewire_runtime.motion.skeleton import rest_globals, rest_rotations
from posewire_runtime.types import Clip, Skeleton

SECOND = 46_186_158_000
"""FBX counts time in these parts of a second."""
CONTACT_CURVES = ("LeftHeelContact", "LeftToeContact", "RightHeelContact", "RightToeContact")
"""Animated properties, in the order of `types.CONTACT_NAMES`: 1 while it touches the floor."""

_CENTIMETRES = 100.0
_HAIR = 1e-5
"""Metres that no reader takes for nothing and nobody sees."""
_TIME_MODES = {120.0: 1, 100.0: 2, 60.0: 3, 50.0: 4, 48.0: 5, 30.0: 6, 25.0: 10, 24.0: 11}
_CUSTOM_RATE = 14
_EULER = "ZYX"
"""FBX's default order XYZ turns about x first: in our intrinsic notation z comes first."""
_LINEAR, _CONSTANT = 0x6104, 0x6002
"""Flags of keys: how to go on from them."""
_COLOUR = (0.46, 0.55, 0.73)


def encode(clip: Clip, notes: Mapping[str, str], *, body: bool = True) -> bytes:
    """The file's bytes, with the mannequin or with bones alone."""
    return encode_tracks(tracks_of(clip), notes, body=body)


def encode_tracks(tracks: Tracks, notes: Mapping[str, str], *, body: bool = True) -> bytes:
    """The same of tracks."""
    tracks = replace(tracks, skeleton=_untied(tracks.skeleton, tuple(sorted(tracks.translations))))
    scene = _Scene()
    bones = scene.bones(tracks.skeleton, notes)
    if body:
        scene.skin(tracks.mesh(), tracks.skeleton, bones)
    else:
        scene.bind_pose(tracks.skeleton, bones)
    scene.animation(tracks, bones, notes.get("prompt", "") or "Motion")
    creator = notes.get("generator", f"posewire {__version__}")
    return pack([*_head(creator, tracks), *_documents(scene), *scene.records(), _takes(scene, tracks)])


@lru_cache(maxsize=8)
def _untied(skeleton: Skeleton, moving: tuple[int, ...]) -> Skeleton:
    """The skeleton with bones that move beside the axes of their parents, if only by a hair.

    Blender gives a bone a tip along its own Y, and ties a child that rests exactly there; a tied bone can't
    travel, whatever the file says.
    """
    offsets, turned = standing_offsets(skeleton), rest_globals(skeleton)
    tied = [j for j in moving if skeleton.parents[j] >= 0 and np.abs(offsets[j, [0, 2]]).max() < _HAIR]
    if not tied:
        return skeleton
    positions = skeleton.positions.astype(np.float64)
    for joint in tied:
        positions[joint] += quat.rotate(turned[skeleton.parents[joint]], np.array([_HAIR, 0, 0]))
    return replace(skeleton, positions=positions.astype(np.float32))


# ---------------------------------------------------------------------------------------- properties


def _property(name: str, kind: str, label: str, flags: str, *values: Any) -> Node:
    return Node("P", (name, kind, label, flags, *values))


def _properties(*properties: Node) -> Node:
    return Node("Properties70", (), properties)


def _integer(name: str, value: int) -> Node:
    return _property(name, "int", "Integer", "", value)


def _choice(name: str, value: int) -> Node:
    return _property(name, "enum", "", "", value)


def _number(name: str, value: float) -> Node:
    return _property(name, "double", "Number", "", float(value))


def _time(name: str, value: int) -> Node:
    return _property(name, "KTime", "Time", "", np.int64(value))


def _text(name: str, value: str, flags: str = "") -> Node:
    return _property(name, "KString", "", flags, value)


def _vector(name: str, kind: str, flags: str, values: Sequence[float]) -> Node:
    return _property(name, kind, "", flags, *(float(value) for value in values))


# ------------------------------------------------------------------------------------- head and frame


def _stop(tracks: Tracks) -> int:
    return _ticks(np.array([tracks.frames - 1]), tracks.clip.fps)[0]


def _ticks(frames: NDArray[np.integer[Any]], fps: float) -> NDArray[np.int64]:
    return np.rint(frames * (SECOND / fps)).astype(np.int64)


def _head(creator: str, tracks: Tracks) -> Iterator[Node]:
    stamp = [("Version", 1000), ("Year", 1970), ("Month", 1), ("Day", 1), ("Hour", 10)]
    stamp += [("Minute", 0), ("Second", 0), ("Millisecond", 0)]
    about = [Node("Version", (100,))]
    about += [Node(name, ("",)) for name in ("Title", "Subject", "Author", "Keywords", "Revision", "Comment")]
    vendor = [
        _text(f"{when}|Application{what}", value)
        for when in ("Original", "LastSaved")
        for what, value in (("Vendor", "Posewire"), ("Name", creator), ("Version", __version__))
    ]
    info = [
        Node("Type", ("UserData",)),
        Node("Version", (100,)),
        Node("MetaData", (), about),
        _properties(*vendor),
    ]
    yield Node(
        "FBXHeaderExtension",
        (),
        [
            Node("FBXHeaderVersion", (1003,)),
            Node("FBXVersion", (VERSION,)),
            Node("EncryptionType", (0,)),
            Node("CreationTimeStamp", (), [Node(name, (value,)) for name, value in stamp]),
            Node("Creator", (creator,)),
            Node("SceneInfo", ("GlobalInfo\0\x01SceneInfo", "UserData"), info),
        ],
    )
    yield Node("FileId", (FILE_ID,))
    yield Node("CreationTime", (CREATION_TIME,))
    yield Node("Creator", (creator,))
    yield Node("GlobalSettings", (), [Node("Version", (1000,)), _properties(*_settings(tracks))])


def _settings(tracks: Tracks) -> Iterator[Node]:
    """Axes, unit and time."""
    axes = {"UpAxis": 1, "UpAxisSign": 1, "FrontAxis": 2, "FrontAxisSign": 1, "CoordAxis": 0}
    axes |= {"CoordAxisSign": 1, "OriginalUpAxis": 1, "OriginalUpAxisSign": 1}
    yield from (_integer(name, value) for name, value in axes.items())
    yield _number("UnitScaleFactor", 1.0)
    yield _number("OriginalUnitScaleFactor", 1.0)
    yield _choice("TimeMode", _TIME_MODES.get(tracks.clip.fps, _CUSTOM_RATE))
    yield _time("TimeSpanStart", 0)
    yield _time("TimeSpanStop", _stop(tracks))
    yield _number("CustomFrameRate", tracks.clip.fps)


def _takes(scene: _Scene, tracks: Tracks) -> Node:
    """The stack's name and span once more, where older readers look for them."""
    span = (np.int64(0), np.int64(_stop(tracks)))
    take = [Node("FileName", ("take.tak",)), Node("LocalTime", span), Node("ReferenceTime", span)]
    return Node("Takes", (), [Node("Current", (scene.stack,)), Node("Take", (scene.stack,), take)])


def _documents(scene: _Scene) -> Iterator[Node]:
    document = [
        _properties(_property("SourceObject", "object", "", ""), _text("ActiveAnimStackName", scene.stack)),
        Node("RootNode", (np.int64(0),)),
    ]
    count = Node("Count", (1,))
    yield Node("Documents", (), [count, Node("Document", (scene.new_id(), "Scene", "Scene"), document)])
    yield Node("References", block=True)


# ---------------------------------------------------------------------------------------------- scene


class _Scene:
    """Objects and their connections, as they are added."""

    def __init__(self) -> None:
        self.objects: list[Node] = []
        self.links: list[Node] = []
        self.stack = ""
        self._ids = itertools.count(1_000_000)

    def new_id(self) -> np.int64:
        """An id that nobody has."""
        return np.int64(next(self._ids))

    def add(self, record: str, name: str, kind: str, subclass: str, children: Sequence[Node]) -> np.int64:
        """Add an object; gives its id."""
        uid = self.new_id()
        # An object without children still has its list of them: the SDK passes over the layer otherwise.
        self.objects.append(Node(record, (uid, f"{name}\0\x01{kind}", subclass), children, block=True))
        return uid

    def link(self, child: np.int64, parent: np.int64, aim: str | None = None) -> None:
        """Connect an object to another, or to a property of it."""
        values = ("OO", child, parent) if aim is None else ("OP", child, parent, aim)
        self.links.append(Node("C", values))

    def records(self) -> Iterator[Node]:
        """What has been added, as the file's last records."""
        counts: dict[str, int] = {"GlobalSettings": 1}
        for record in self.objects:
            counts[record.name] = counts.get(record.name, 0) + 1
        kinds = [Node("ObjectType", (name,), [Node("Count", (n,))]) for name, n in counts.items()]
        total = Node("Count", (sum(counts.values()),))
        yield Node("Definitions", (), [Node("Version", (100,)), total, *kinds])
        yield Node("Objects", (), self.objects, block=True)
        yield Node("Connections", (), self.links, block=True)

    # ------------------------------------------------------------------------------------------ bones

    def bones(self, skeleton: Skeleton, notes: Mapping[str, str]) -> list[np.int64]:
        """A model for each joint, below one another."""
        offsets = standing_offsets(skeleton) * _CENTIMETRES
        angles = _degrees(rest_rotations(skeleton).astype(np.float64))
        ids: list[np.int64] = []
        for joint, (name, parent) in enumerate(zip(skeleton.names, skeleton.parents, strict=True)):
            own = [] if joint else [*_user_properties(notes)]
            model = self._model(name, "LimbNode", offsets[joint], angles[joint], own)
            self.link(model, np.int64(0) if parent < 0 else ids[parent])
            size = _properties(_number("Size", _CENTIMETRES * 0.05))
            attribute = self.add(
                "NodeAttribute", name, "NodeAttribute", "LimbNode", [size, Node("TypeFlags", ("Skeleton",))]
            )
            self.link(attribute, model)
            ids.append(model)
        return ids

    def _model(
        self, name: str, kind: str, offset: Array, turned: Array, own: Sequence[Node] = ()
    ) -> np.int64:
        """A thing with a place in the scene."""
        properties = _properties(
            _property("RotationActive", "bool", "", "", 1),
            _choice("InheritType", 1),
            _vector("PreRotation", "Vector3D", "", turned.tolist()),
            _integer("DefaultAttributeIndex", 0),
            _vector("Lcl Translation", "Lcl Translation", "A", offset.tolist()),
            _vector("Lcl Rotation", "Lcl Rotation", "A", (0, 0, 0)),
            _vector("Lcl Scaling", "Lcl Scaling", "A", (1, 1, 1)),
            *own,
        )
        rest = [Node("Shading", (True,)), Node("Culling", ("CullingOff",))]
        return self.add("Model", name, "Model", kind, [Node("Version", (232,)), properties, *rest])

    def bind_pose(self, skeleton: Skeleton, bones: Sequence[np.int64], more: Sequence[np.int64] = ()) -> None:
        """Where everything stands while the skin is put on."""
        matrices = [*_bind_matrices(skeleton), *(np.eye(4) for _ in more)]
        nodes = [
            Node("PoseNode", (), [Node("Node", (uid,)), Node("Matrix", (_flat(matrix),))])
            for uid, matrix in zip([*bones, *more], matrices, strict=True)
        ]
        head = [Node("Type", ("BindPose",)), Node("Version", (100,)), Node("NbPoseNodes", (len(nodes),))]
        self.add("Pose", "BindPose", "Pose", "BindPose", [*head, *nodes])

    # ------------------------------------------------------------------------------------------- skin

    def skin(self, body: Mannequin, skeleton: Skeleton, bones: Sequence[np.int64]) -> None:
        """The mesh, its material, the clusters that tie it to the bones, and the pose they are tied in."""
        geometry = self.add("Geometry", "Mannequin", "Geometry", "Mesh", _geometry(body, skeleton))
        mesh = self._model("Mannequin", "Mesh", np.zeros(3), np.zeros(3))
        self.link(mesh, np.int64(0))
        self.link(geometry, mesh)
        colour = _properties(_vector("DiffuseColor", "Color", "A", _COLOUR))
        shading = [
            Node("Version", (102,)),
            Node("ShadingModel", ("Lambert",)),
            Node("MultiLayer", (0,)),
            colour,
        ]
        self.link(self.add("Material", "Clay", "Material", "", shading), mesh)
        accuracy = [Node("Version", (101,)), Node("Link_DeformAcuracy", (50.0,))]
        deformer = self.add("Deformer", "Rig", "Deformer", "Skin", accuracy)
        self.link(deformer, geometry)
        for joint, (bone, bind) in enumerate(zip(bones, _bind_matrices(skeleton), strict=True)):
            cluster = self.add(
                "Deformer", skeleton.names[joint], "SubDeformer", "Cluster", _cluster(body, joint, bind)
            )
            self.link(cluster, deformer)
            self.link(bone, cluster)
        self.bind_pose(skeleton, bones, [mesh])

    # -------------------------------------------------------------------------------------- animation

    def animation(self, tracks: Tracks, bones: Sequence[np.int64], name: str) -> None:
        """One stack of one layer: all rotations, the positions that move, the contacts."""
        stop, fps = _stop(tracks), tracks.clip.fps
        self.stack = name
        span = [_time("LocalStart", 0), _time("LocalStop", stop)]
        span += [_time("ReferenceStart", 0), _time("ReferenceStop", stop)]
        stack = self.add("AnimationStack", name, "AnimStack", "", [_properties(*span)])
        layer = self.add("AnimationLayer", "Base", "AnimLayer", "", [])
        self.link(layer, stack)
        rest = rest_rotations(tracks.skeleton).astype(np.float64)
        turned = _degrees(quat.multiply(quat.conjugate(quat.normalise(rest)), tracks.rotations))
        for joint, bone in enumerate(bones):
            keys = tracks.kept(joint, ROTATION)
            values = dict(zip("XYZ", turned[keys, joint].T, strict=True))
            self._curves(layer, bone, ("R", "Lcl Rotation"), values, _ticks(keys, fps))
        for joint, places in tracks.translations.items():
            keys = tracks.kept(joint, TRANSLATION)
            values = dict(zip("XYZ", places[keys].T * _CENTIMETRES, strict=True))
            self._curves(layer, bones[joint], ("T", "Lcl Translation"), values, _ticks(keys, fps))
        for name, flags in zip(CONTACT_CURVES, tracks.clip.contacts.T, strict=True):
            keys = _changes(flags)
            values = {name: flags[keys].astype(np.float64)}
            self._curves(layer, bones[0], (name, name), values, _ticks(keys, fps), _CONSTANT)

    def _curves(
        self,
        layer: np.int64,
        model: np.int64,
        aim: tuple[str, str],
        values: Mapping[str, Array],
        times: NDArray[np.int64],
        flag: int = _LINEAR,
    ) -> None:
        """The curves of one property of a model; `aim` is the property's short name and its own."""
        short, name = aim
        start = [_property(f"d|{axis}", "Number", "", "A", float(v[0])) for axis, v in values.items()]
        node = self.add("AnimationCurveNode", short, "AnimCurveNode", "", [_properties(*start)])
        self.link(node, layer)
        self.link(node, model, name)
        for axis, curve in values.items():
            self.link(
                self.add("AnimationCurve", "", "AnimCurve", "", _curve(times, curve, flag)), node, f"d|{axis}"
            )


def _user_properties(notes: Mapping[str, str]) -> Iterator[Node]:
    """What the topmost bone carries: the notes, and the foot contacts, which are animated."""
    yield from (_text(f"posewire_{name}", note, "U") for name, note in notes.items())
    yield from (_property(name, "Number", "", "A+U", 0.0) for name in CONTACT_CURVES)


def _changes(flags: NDArray[np.bool_]) -> Keys:
    """The first frame and every frame whose flag differs from the one before."""
    return np.concatenate([[0], np.flatnonzero(flags[1:] != flags[:-1]) + 1]).astype(np.intp)


def _curve(times: NDArray[np.int64], values: Array, flag: int) -> list[Node]:
    return [
        Node("Default", (float(values[0]),)),
        Node("KeyVer", (4008,)),
        Node("KeyTime", (times,)),
        Node("KeyValueFloat", (values.astype(np.float32),)),
        # One set of attributes for all keys: flags, slopes and weights that linear keys don't use.
        Node("KeyAttrFlags", (np.array([flag], np.int32),)),
        Node("KeyAttrDataFloat", (np.zeros(4, np.float32),)),
        Node("KeyAttrRefCount", (np.array([len(times)], np.int32),)),
    ]


def _degrees(rotations: Array) -> Array:
    """Angles about x, y and z `(..., J, 3)` of rotations `(..., J, 4)`; along time they don't jump."""
    angles = quat.to_euler(rotations, _EULER)
    if angles.ndim > 2:
        angles = quat.unwrap_euler(angles)
    return np.degrees(angles[..., ::-1])


def _bind_matrices(skeleton: Skeleton) -> Array:
    """Where each bone stands in the bind pose `(J, 4, 4)`, in centimetres."""
    matrices = np.tile(np.eye(4), (len(skeleton), 1, 1))
    matrices[:, :3, :3] = quat.to_matrix(rest_globals(skeleton).astype(np.float64))
    matrices[:, :3, 3] = (skeleton.positions + lift(skeleton)) * _CENTIMETRES
    return matrices


def _flat(matrix: Array) -> Array:
    """As FBX stores matrices: column after column."""
    return matrix.T.reshape(-1)


@lru_cache(maxsize=8)
def _geometry(body: Mannequin, skeleton: Skeleton) -> tuple[Node, ...]:
    """The mesh; the same for every clip of a rig."""
    return tuple(_mesh(body, skeleton))


def _mesh(body: Mannequin, skeleton: Skeleton) -> Iterator[Node]:
    vertices = (body.vertices + lift(skeleton)) * _CENTIMETRES
    corners = body.triangles.astype(np.int32)
    corners = np.stack(
        [corners[:, 0], corners[:, 1], ~corners[:, 2]], axis=-1
    )  # the last one closes the face
    yield Node("Vertices", (packed(vertices.astype(np.float64).reshape(-1)),))
    yield Node("PolygonVertexIndex", (packed(corners.reshape(-1)),))
    yield Node("GeometryVersion", (124,))
    normals = body.normals.astype(np.float64)
    layers = {
        "LayerElementNormal": ("ByVertice", "Direct", Node("Normals", (packed(normals.reshape(-1)),))),
        "LayerElementSmoothing": (
            "ByPolygon",
            "Direct",
            Node("Smoothing", (np.ones(len(corners), np.int32),)),
        ),
        "LayerElementMaterial": ("AllSame", "IndexToDirect", Node("Materials", (np.zeros(1, np.int32),))),
    }
    for name, (mapping, reference, data) in layers.items():
        head = [Node("Version", (101 if name == "LayerElementNormal" else 102,)), Node("Name", ("",))]
        head += [Node("MappingInformationType", (mapping,)), Node("ReferenceInformationType", (reference,))]
        yield Node(name, (0,), [*head, data])
    elements = [
        Node("LayerElement", (), [Node("Type", (name,)), Node("TypedIndex", (0,))]) for name in layers
    ]
    yield Node("Layer", (0,), [Node("Version", (100,)), *elements])


@lru_cache(maxsize=2048)
def _tied(body: Mannequin, joint: int) -> tuple[Node, ...]:
    """The vertices that a bone moves."""
    used = (body.joints == joint) & (body.weights > 0)
    vertices = np.flatnonzero(used.any(axis=-1))
    shares = np.sum(np.where(used, body.weights, 0), axis=-1)[vertices] / 255.0
    if not len(vertices):
        return ()
    return Node("Indexes", (packed(vertices.astype(np.int32)),)), Node("Weights", (packed(shares),))


def _cluster(body: Mannequin, joint: int, bind: Array) -> list[Node]:
    """What a bone moves, and where it was when the skin was put on."""
    return [
        Node("Version", (100,)),
        Node("UserData", ("", "")),
        *_tied(body, joint),
        Node("Transform", (_flat(np.linalg.inv(bind)),)),
        Node("TransformLink", (_flat(bind),)),
    ]
