"""Switch on the loopback interface of a new network namespace, then run the given command.

unshare --net --map-root-user python .ci/loopback.py COMMAND ...
"""

import fcntl
import os
import socket
import struct
import sys

SIOCSIFFLAGS, IFF_UP = 0x8914, 0x1  # linux/sockios.h, net/if.h

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
    fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))
with open("/proc/net/route") as table:
    routes = table.readlines()[1:]  # loopback needs none
if routes:
    sys.exit(f"expected a namespace without routes, found {routes}")
os.execvp(sys.argv[1], sys.argv[1:])
