// A picture of the reader's own, from a file or from the camera, as grey pixels. It stays in the
// page: nothing is sent to Python or anywhere else.
const FILE_TYPES = "image/png,image/jpeg,image/webp,image/gif";
const REFUSALS = {
  NotAllowedError: "The camera was not allowed.",
  NotFoundError: "There is no camera.",
  NotReadableError: "The camera is in use elsewhere.",
};

/** Fill a frame with the middle of a picture; brightness as in Python, bytes over 256. */
function greyOf(source, width, height, { rows, columns }) {
  const canvas = new OffscreenCanvas(columns, rows);
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  const scale = Math.max(columns / width, rows / height);
  const [w, h] = [width * scale, height * scale];
  pen.fillStyle = "white"; // what is transparent
  pen.fillRect(0, 0, columns, rows);
  pen.imageSmoothingQuality = "high";
  pen.drawImage(source, (columns - w) / 2, (rows - h) / 2, w, h);
  const { data } = pen.getImageData(0, 0, columns, rows);
  const values = new Float64Array(rows * columns);
  for (let at = 0; at < values.length; at++) {
    const [red, green, blue] = data.subarray(4 * at, 4 * at + 3);
    values[at] = Math.round(0.299 * red + 0.587 * green + 0.114 * blue) / 256;
  }
  return { rows, columns, values };
}

/** Read a picture file; an error with words for the reader where it is none. */
async function fromFile(file, frame) {
  try {
    const picture = await createImageBitmap(file);
    return greyOf(picture, picture.width, picture.height, frame);
  } catch {
    throw new Error(`“${file.name}” is not a picture that this browser can read.`);
  }
}

/** Start the camera; `take(photo)` gets each picture until `stop()`. */
async function fromCamera(frame, take) {
  if (!navigator.mediaDevices?.getUserMedia) throw new Error("This page is given no camera.");
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: true });
  } catch (error) {
    throw new Error(REFUSALS[error.name] ?? `The camera does not start: ${error.message}`);
  }
  const video = document.createElement("video");
  Object.assign(video, { srcObject: stream, muted: true, playsInline: true });
  let next = null;
  const look = () => {
    if (video.videoWidth) take(greyOf(video, video.videoWidth, video.videoHeight, frame));
    next = requestAnimationFrame(look);
  };
  const stop = () => {
    cancelAnimationFrame(next);
    for (const track of stream.getTracks()) track.stop();
  };
  await video.play().catch((error) => {
    stop();
    throw error;
  });
  look();
  return { stop };
}

export default { FILE_TYPES, fromFile, fromCamera };
