// SPDX-License-Identifier: Apache-2.0
// Copyright the guestcam authors
// Added to examples/browser/camera.html: reads the stamps of the test picture from the page's video, as PatternPicture draws
// them, and tells the server line by line. A line is 'frame UPPER LOWER SIZE LABEL' or 'message TEXT'; a stamp whose check
// sum is wrong is '-'.
const tell = (line) => fetch("/seen", { method: "POST", body: line });

// 36 by 4 blocks, white for 1: 64 bits of frame number, 64 of time, a CRC-16.
function stamp({ data, width }, block, top) {
  const bytes = new Uint8Array(18);
  for (let bit = 0; bit < 144; bit++) {
    const left = block + (bit % 36) * block;
    const upper = top + Math.floor(bit / 36) * block;
    let sum = 0;
    for (let y = upper + block / 4; y < upper + block * 3 / 4; y++) {
      for (let x = left + block / 4; x < left + block * 3 / 4; x++) sum += data[4 * (y * width + x) + 1];
    }
    if (sum >= 128 * (block / 2) ** 2) bytes[bit >> 3] |= 0x80 >> (bit & 7);
  }
  let crc = 0xffff;
  for (const byte of bytes.subarray(0, 16)) {
    crc ^= byte << 8;
    for (let i = 0; i < 8; i++) crc = (crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xffff;
  }
  const view = new DataView(bytes.buffer);
  return crc === view.getUint16(16) ? view.getBigUint64(0) : "-";
}

const canvas = document.createElement("canvas");
const context = canvas.getContext("2d", { willReadFrequently: true });

async function look() {
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  context.drawImage(video, 0, 0);
  const picture = context.getImageData(0, 0, canvas.width, canvas.height);
  const block = picture.width < 320 ? 4 : 8;
  const lower = (picture.height - 5 * block) & ~1;
  const { label } = video.srcObject.getVideoTracks()[0];
  await tell(`frame ${stamp(picture, block, block)} ${stamp(picture, block, lower)} ${picture.width}x${picture.height} ${label}`);
  video.requestVideoFrameCallback(look);
}

video.requestVideoFrameCallback(look);
new MutationObserver(() => tell(`message ${message.textContent}`)).observe(message, { childList: true });
