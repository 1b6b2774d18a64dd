"""Serve releases whose names say what they do: `fast/3` answers 3.0, `slow/3` after 20 ms, `bad/…` does not load.

Usage: serving_child.py FOLDER PIPE [parent|lifeline]
"""

import os
import sys
from pathlib import Path

from serving_light import ConstantScorer, Place

from kaizenml.errors import UnsafeArtefactError
from kaizenml.serving.app import DataPlane
from kaizenml.serving.server import serve


def load(release, digest):
    kind, _, version = release.partition("/")
    if kind == "bad":
        raise UnsafeArtefactError(f"{release} may not be loaded.")
    return ConstantScorer(float(version), seconds=0.02 if kind == "slow" else 0.0)


def main(folder, pipe, *options):
    place = Place(Path(folder))
    plane = DataPlane(place.routes, place.status, place.spool, load, close_seconds=30 if "open" in options else 0.2)

    def announce(url):
        os.write(int(pipe), f"{url}\n".encode())
        os.close(int(pipe))

    lifeline = 0 if "lifeline" in options else None
    parent = os.getppid() if "parent" in options else None
    serve(plane, port=0, drain_seconds=1.0, parent=parent, lifeline=lifeline, announce=announce)


main(*sys.argv[1:])
