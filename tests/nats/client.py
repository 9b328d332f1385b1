"""Sends commands and reads an event, as any user of the Python client would; prints what it saw as JSON."""

import asyncio
import json
import sys

import nats


async def main(url: str, key: str) -> None:
    client = await nats.connect(url)

    async def command(kind, **envelope):
        headers = {"X-Api-Key": key, "Idempotency-Key": "python-1"}
        reply = await client.request(f"ionveil.commands.{kind}", json.dumps(envelope).encode(), timeout=10, headers=headers)
        return reply.headers, json.loads(reply.data)

    create = {"command": "create_workflow", "body": {"id": "from-python", "machine": "dispatch"}}
    made = await command("workflow", **create)
    repeated = await command("workflow", **create)
    refused = await command("workflow", command="cancel_workflow", path={"id": "nobody"}, body={})
    subscription = await client.jetstream().subscribe("ionveil.events.acme.workflow", stream="IONVEIL_EVENTS", ordered_consumer=True)
    event = await subscription.next_msg(timeout=10)
    service = json.loads((await client.request("$SRV.PING.ionveil", b"", timeout=10)).data)
    print(json.dumps({
        "made": [made[0]["Ionveil-Status"], made[1]["state"]],
        "repeated": [repeated[0]["Ionveil-Status"], repeated[0].get("idempotency-replayed")],
        "refused": [refused[0]["Ionveil-Status"], refused[0]["Nats-Service-Error"], refused[1]["code"]],
        "event": {"subject": event.subject, "stream": json.loads(event.data)["subject"]},
        "service": service["name"],
    }))
    await client.close()


asyncio.run(main(sys.argv[1], sys.argv[2]))
