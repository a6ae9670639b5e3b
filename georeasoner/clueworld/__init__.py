"""ClueWorld, the embedded synthetic world: `World`, `Scene`, `describe`. Nothing in it is real
but the names and places of its cities, driving sides and scripts."""

from georeasoner.clueworld.scene import Scene
from georeasoner.clueworld.table import ClueKind, WorldCity
from georeasoner.clueworld.world import Best, World, describe

__all__ = ["Best", "ClueKind", "Scene", "World", "WorldCity", "describe"]
