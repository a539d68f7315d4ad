#!/usr/bin/python3
"""Turns the frames of a pcap file into seeds for the fuzz targets that read frames: frame_seeds.py PCAP FOLDER

FOLDER/parse has a file for each frame, FOLDER/pipeline some frames in each file, as tests/fuzz/pipeline_fuzz.cc reads
them. Called by scripts/fuzz; does nothing when FOLDER is newer than PCAP.
"""
import os
import struct
import sys

PORT_MAC = bytes.fromhex('020000000001')
# An input of the pipeline's: how it is set up (Player), then steps (take_step). A frame for a VIP, and as it is.
SET_UP = bytes(3)
TO_A_VIP, AS_IT_IS = 0, 1
BYTES_IN_A_FILE = 6000


def read_frames(path):
    """The frames of a pcap file (not pcapng), in either byte order."""
    with open(path, 'rb') as file:
        data = file.read()
    orders = {b'\xd4\xc3\xb2\xa1': '<', b'\x4d\x3c\xb2\xa1': '<', b'\xa1\xb2\xc3\xd4': '>', b'\xa1\xb2\x3c\x4d': '>'}
    if data[:4] not in orders:
        raise ValueError(f'{path} is no pcap file')
    order = orders[data[:4]]
    at = 24
    while at + 16 <= len(data):
        length = struct.unpack_from(order + 'I', data, at + 8)[0]
        yield data[at + 16:at + 16 + length]
        at += 16 + length


def write(folder, number, data):
    with open(os.path.join(folder, f'{number:05}'), 'wb') as file:
        file.write(data)


def main(pcap, folder):
    done = os.path.join(folder, 'done')
    if os.path.exists(done) and os.path.getmtime(done) >= os.path.getmtime(pcap):
        return
    folders = {name: os.path.join(folder, name) for name in ('parse', 'pipeline')}
    for name in folders.values():
        os.makedirs(name, exist_ok=True)
    steps, files = SET_UP, 0
    for number, frame in enumerate(read_frames(pcap)):
        frame = PORT_MAC + frame[6:]
        write(folders['parse'], number, frame)
        for how in (AS_IT_IS, TO_A_VIP):
            steps += bytes([how, number % 251]) + struct.pack('>H', len(frame)) + frame
        if len(steps) > BYTES_IN_A_FILE:
            write(folders['pipeline'], files, steps)
            steps, files = SET_UP, files + 1
    write(folders['pipeline'], files, steps)
    with open(done, 'w', encoding='ascii'):
        pass


if __name__ == '__main__':
    main(*sys.argv[1:])
