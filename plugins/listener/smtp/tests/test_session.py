from __future__ import annotations


async def test_a_message_goes_in(desk):
    peer = desk.connect()
    assert (await desk.say(peer, b"")).startswith(b"220 mx.example.org ESMTP")
    print(await desk.say(peer, b"EHLO client.example\r\n"))
    print(await desk.say(peer, b"MAIL FROM:<x@example.net>\r\nRCPT TO:<alice@example.org>\r\nDATA\r\n"))
    print(await desk.say(peer, b"Subject: x\r\n\r\nx\r\n.\r\nQUIT\r\n"))
    assert peer.closed
    print(await desk.mail())
    print(desk.journal())
    print(peer.connection.sends)
