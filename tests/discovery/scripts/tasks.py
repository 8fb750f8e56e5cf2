"""Tasks of one event loop, each with its own `use`, and the threads that they start."""

from __future__ import annotations

import asyncio
import json
import sys

import ncps


def made() -> str:
    """The technology that serves here and now."""
    technology: str = ncps.create("Dense", units=1).technology
    return technology


async def own(name: str) -> list[str]:
    """Choose before and after the other tasks ran, and in a thread of the loop."""
    with ncps.use(name):
        first = made()
        await asyncio.sleep(0)
        return [first, made(), await asyncio.to_thread(made)]


async def main() -> None:
    """Run three tasks at once, one without a scope."""

    async def none() -> list[str]:
        await asyncio.sleep(0)
        return [made(), made(), await asyncio.to_thread(made)]

    json.dump(await asyncio.gather(own("acme-low"), none(), own("acme-other")), sys.stdout)


asyncio.run(main())
