"""``python -m speech.serve names=names.txt``: servers for Home Assistant (Wyoming), HTTP and WebSocket. No Hydra."""

from speech.server.command import main

if __name__ == "__main__":
    main()
