import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { CallStatus, Trailers } from "../status.js";
import { CONNECTION_WINDOW_BYTES, MAX_FRAME_BYTES, STREAM_WINDOW_BYTES } from "../wire-settings.js";
import { AnswerWriter } from "./answer-writer.js";
import { type Body, BodySender } from "./body-sender.js";
import { type FrameEvents, FrameReader } from "./frame-reader.js";
import {
  ConnectionError,
  ERROR,
  FLAG,
  FRAME,
  FRAME_BYTES,
  FRAME_HEAD_BYTES,
  frame,
  frameHead,
  goAway,
  headerFrames,
  LONGEST_FRAME_BYTES,
  MAX_UINT31,
  PREFACE,
  reset,
  SETTING,
  SETTING_BYTES,
  windowUpdate,
} from "./frames.js";
import { HeaderReader, type StreamHeaders } from "./header-reader.js";
import { headerBlock } from "./header-writer.js";
import { OpenStreams } from "./open-streams.js";
import { RequestHeaders } from "./request-headers.js";
import { type SessionOutlet, SessionWire, withoutTable } from "./session-wire.js";
import { TurnWriter } from "./turn-writer.js";
import { type AnswerSink, type UnaryMethod, UnaryStream } from "./unary-stream.js";

/** What a call may send, and a connection, before it is given leave for as much again. */
const STREAM_STEP_BYTES = STREAM_WINDOW_BYTES / 2;
/** The session of the same connection gives leave for half of the window. */
const CONNECTION_STEP_BYTES = CONNECTION_WINDOW_BYTES / 4;
/** What a caller leaves unread before nothing more is read of what it says. */
const MAX_BACKLOG_BYTES = 2 * CONNECTION_WINDOW_BYTES;
/** DATA with nothing in it, one after another. */
const MAX_EMPTY_FRAMES = 1000;
/** SETTINGS and PING that come in one breath, each of which is to be answered. */
const MAX_QUESTIONS = 1000;
/** Calls of a connection that are open at a time: whoever has more is to wait, or to open another connection. */
const MAX_OPEN_STREAMS = 1 << 14;
/** Silence after which the system asks whether the caller's machine is there: the session does not once it has ended. */
const SILENCE_MS = 60_000;
/** How long a caller has to hang up that has been told everything. */
const HANG_UP_MS = 5_000;

/** What a connection is made with. */
export interface ConnectionOptions {
  /** By their paths. */
  readonly methods: ReadonlyMap<string, UnaryMethod>;
  /** Has a session of Node's HTTP/2 begin on the wire that it is given. */
  readonly beginSession: (wire: Duplex) => void;
  /** Told of an error that is no fault of the caller's: it ends the connection. */
  readonly onFault: (error: unknown) => void;
  readonly onClose: () => void;
}

/**
 * A caller's connection. Plain calls of unary methods are answered here; all else is left to a session of Node's HTTP/2
 * behind it, which also says what both sides keep to, asks whether the caller is there, and tells it to go.
 *
 * Node's own way to a small call costs several times what the call does: objects and events for each stream, and
 * strings of its headers that only collections of the whole heap give back.
 * @see RFC 9113
 */
export class Connection implements AnswerSink, FrameEvents, SessionOutlet {
  readonly #socket: Socket;
  readonly #options: ConnectionOptions;
  readonly #reader: FrameReader;
  readonly #writer: TurnWriter;
  readonly #bodies: BodySender;
  readonly #answers: AnswerWriter;
  readonly #session: SessionWire;
  readonly #headers = new HeaderReader();
  readonly #streams = new OpenStreams<UnaryStream>();
  /** Of the preface, that has come; -1 where it is another one. */
  #prefaceBytes = 0;
  /** The last stream that was begun, the last one that is answered here, and the last one of the session. */
  #lastStream = 0;
  #lastUnary = 0;
  #lastOfSession = 0;
  /** Streams after this one are not taken. */
  #lastTaken = MAX_UINT31;
  /** Of the DATA that comes. A call may be answered before all of it has. */
  #dataStream = 0;
  #dataFlags = 0;
  #isDataOfSession = false;
  #emptyFrames = 0;
  #questions = 0;
  #mayHaveRoom = false;
  #unacknowledged = 0;
  #isSessionSlow = false;
  #isSessionOver = false;
  #isOver = false;

  constructor(socket: Socket, options: ConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#reader = new FrameReader(this, MAX_FRAME_BYTES);
    this.#writer = new TurnWriter(socket);
    this.#bodies = new BodySender(this.#writer, (body, bytes) => this.#sent(body, bytes));
    this.#answers = new AnswerWriter(this.#writer, this.#bodies);
    this.#session = new SessionWire(this);
    this.#session.on("error", () => {});
    socket.setNoDelay(true);
    socket.setKeepAlive(true, SILENCE_MS);
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    socket.on("drain", () => this.#resume());
    socket.on("error", () => {});
    // Nobody says only half of HTTP/2: the caller is gone.
    socket.on("end", () => this.cut());
    socket.on("close", () => this.cut());
    options.beginSession(this.#session);
  }

  /** Ends at once, whatever is under way. */
  cut(): void {
    this.#end();
    this.#socket.destroy();
  }

  onFrame(type: number, flags: number, stream: number, bytes: Buffer, start: number, end: number): void {
    this.#headers.expect(type, stream);
    if (type === FRAME.headers) this.#takeHeaders(this.#headers.begin(flags, stream, bytes, start, end));
    else if (type === FRAME.continuation) this.#takeHeaders(this.#headers.goOn(flags, bytes, start, end));
    else this.#takeOther(type, flags, stream, bytes.subarray(start, end));
  }

  onDataBegin(flags: number, stream: number, length: number, padding: number): void {
    this.#headers.expect(FRAME.data, stream);
    this.#dataStream = stream;
    this.#dataFlags = flags;
    this.#emptyFrames = length === 0 && !(flags & FLAG.endStream) ? this.#emptyFrames + 1 : 0;
    if (this.#emptyFrames > MAX_EMPTY_FRAMES)
      throw new ConnectionError(ERROR.enhanceYourCalm, "DATA comes, and nothing in it");
    this.#isDataOfSession = this.#isOfSession(stream);
    if (this.#isDataOfSession) {
      this.#heard(this.#session.beginFrame(frameHead(FRAME.data, length, { flags: flags & ~FLAG.padded, stream })));
      // The session does not get to know of it.
      if (padding > 0) this.#acknowledge(stream, padding);
      return;
    }
    this.#unacknowledged += length + padding;
    if (this.#unacknowledged >= CONNECTION_STEP_BYTES) {
      this.#writer.write(windowUpdate(0, this.#unacknowledged));
      this.#unacknowledged = 0;
    }
    const open = this.#streams.get(stream);
    if (!open) return;
    if (open.isRead) this.#reset(open, ERROR.streamClosed);
    else this.#count(open, length + padding);
  }

  onData(bytes: Buffer, start: number, end: number): void {
    if (this.#isDataOfSession) this.#say(bytes.subarray(start, end));
    else this.#streams.get(this.#dataStream)?.read(bytes.subarray(start, end));
  }

  onDataEnd(): void {
    if (this.#isDataOfSession) this.#session.endFrame();
    else if (this.#dataFlags & FLAG.endStream) this.#streams.get(this.#dataStream)?.end();
  }

  answer(stream: UnaryStream, message: Buffer, trailers: Trailers): void {
    stream.body = this.#answers.answer(stream, message, trailers);
    if (stream.body) this.#bodies.send(stream.body);
    else this.#leave(stream);
  }

  refuse(stream: UnaryStream, status: CallStatus): void {
    this.#answers.refuse(stream.id, status);
    this.#leave(stream);
  }

  write(bytes: Buffer): void {
    this.#writer.write(bytes);
  }

  writeHeaders(bytes: Buffer): void {
    this.#answers.passOn(bytes);
  }

  send(body: Body): void {
    this.#bodies.send(body);
  }

  drop(body: Body): void {
    this.#bodies.drop(body);
  }

  lastTaken(last: number): number {
    this.#lastTaken = Math.max(last, this.#lastUnary);
    // One that came while the session was ending: its caller is to make it elsewhere.
    if (this.#lastOfSession > last && this.#lastOfSession <= this.#lastTaken)
      this.#writer.write(reset(this.#lastOfSession, ERROR.refusedStream));
    return this.#lastTaken;
  }

  onReady(): void {
    this.#isSessionSlow = false;
    this.#resume();
  }

  onEnd(): void {
    this.#isSessionOver = true;
    this.#endIfIdle();
  }

  onFailure(): void {
    this.#hangUp();
  }

  onClose(): void {
    this.#hangUp();
  }

  #read(chunk: Buffer): void {
    if (this.#isOver) return;
    this.#questions = 0;
    try {
      const rest = this.#prefaceBytes === PREFACE.length ? chunk : this.#readPreface(chunk);
      if (rest) this.#reader.read(rest);
      if (this.#mayHaveRoom) this.#sendBodies();
    } catch (error) {
      if (!(error instanceof ConnectionError)) this.#options.onFault(error);
      this.#fail(error instanceof ConnectionError ? error : new ConnectionError(ERROR.internal, "internal error"));
    }
    if (this.#writer.backlog > MAX_BACKLOG_BYTES) this.#socket.pause();
  }

  /** Streams have another room from now on than they had. */
  #sendBodies(): void {
    this.#mayHaveRoom = false;
    this.#streams.forEach(({ body }) => {
      if (body) this.#bodies.send(body);
    });
  }

  /** @returns what comes after it */
  #readPreface(chunk: Buffer): Buffer | undefined {
    const missing = PREFACE.length - this.#prefaceBytes;
    const isIt =
      this.#prefaceBytes >= 0 && PREFACE.subarray(this.#prefaceBytes).indexOf(chunk.subarray(0, missing)) === 0;
    if (!isIt) {
      this.#prefaceBytes = -1;
      this.#say(chunk);
      return undefined;
    }
    const came = Math.min(missing, chunk.length);
    this.#prefaceBytes += came;
    this.#say(chunk.subarray(0, came));
    return chunk.subarray(came);
  }

  #takeHeaders(came: StreamHeaders | undefined): void {
    if (!came) return;
    const isNew = came.stream > this.#lastStream && came.stream % 2 === 1;
    if (!isNew) this.#takeTrailers(came);
    else if (came.stream <= this.#lastTaken) this.#begin(came);
  }

  #begin(came: StreamHeaders): void {
    const { stream: id, endsStream, list } = came;
    this.#lastStream = id;
    const headers = new RequestHeaders(list);
    const path = headers.plainPath();
    const method = path === undefined ? undefined : this.#options.methods.get(path);
    const timeoutMs = method && headers.timeoutMs();
    if (method === undefined || timeoutMs === undefined) {
      this.#lastOfSession = id;
      this.#sayHeaders(came);
      return;
    }
    this.#lastUnary = id;
    if (this.#streams.size >= MAX_OPEN_STREAMS) {
      this.#writer.write(reset(id, ERROR.refusedStream));
      return;
    }
    const stream = new UnaryStream(this, { id, headers, timeoutMs, method });
    this.#streams.set(id, stream);
    if (endsStream) stream.end();
  }

  /** Headers after the first ones. What they say is of no meaning to a call. */
  #takeTrailers(came: StreamHeaders): void {
    if (this.#isOfSession(came.stream)) {
      this.#sayHeaders(came);
      return;
    }
    const stream = this.#streams.get(came.stream);
    // Of a call that was refused before all of its request had come.
    if (!stream && came.endsStream) return;
    if (!stream || stream.isRead)
      throw new ConnectionError(ERROR.streamClosed, `headers came on stream ${came.stream}, which is closed`);
    if (came.endsStream) stream.end();
    else this.#reset(stream, ERROR.protocol);
  }

  #sayHeaders({ stream, endsStream, list }: StreamHeaders): void {
    this.#say(headerFrames(stream, endsStream ? FLAG.endStream : 0, headerBlock(list.names, list.values)));
  }

  #takeOther(type: number, flags: number, stream: number, bytes: Buffer): void {
    const isOfSession = stream === 0 || this.#isOfSession(stream);
    const payload = bytes.length - FRAME_HEAD_BYTES;
    // A frame that is not in order is said to the session, which knows what to say to that.
    if (type === FRAME.settings && stream === 0 && !(flags & FLAG.ack) && payload % SETTING_BYTES === 0)
      this.#takeSettings(bytes);
    else if (type === FRAME.windowUpdate && payload === 4 && (stream === 0 || !isOfSession))
      this.#takeWindow(stream, bytes.readUInt32BE(FRAME_HEAD_BYTES) & MAX_UINT31);
    else if (type === FRAME.reset && payload === 4 && !isOfSession) this.#takeReset(stream);
    else if (type < FRAME.continuation) {
      if (type === FRAME.ping) this.#question();
      if (type === FRAME.reset) this.#forget(stream);
      if (this.#isSessionOver && type === FRAME.ping && !(flags & FLAG.ack)) this.#answerPing(bytes);
      else this.#say(Buffer.from(bytes));
    }
  }

  /** Calls may go on when the session has ended, and their caller may ask whether the server is there. */
  #answerPing(bytes: Buffer): void {
    this.#writer.write(frame(FRAME.ping, { flags: FLAG.ack, payload: Buffer.from(bytes.subarray(FRAME_HEAD_BYTES)) }));
  }

  #forget(stream: number): void {
    this.#session.forget(stream);
    if (this.#isSessionOver) this.#endIfIdle();
  }

  #question(): void {
    this.#questions += 1;
    if (this.#questions > MAX_QUESTIONS) throw new ConnectionError(ERROR.enhanceYourCalm, "too much is asked at once");
  }

  #takeSettings(bytes: Buffer): void {
    this.#question();
    for (let at = FRAME_HEAD_BYTES; at < bytes.length; at += SETTING_BYTES) {
      const value = bytes.readUInt32BE(at + 2);
      const id = bytes.readUInt16BE(at);
      if (id === SETTING.maxFrame) {
        if (value < FRAME_BYTES || value > LONGEST_FRAME_BYTES)
          throw new ConnectionError(ERROR.protocol, `frames of ${value} bytes are none that can be`);
        this.#bodies.maxFrame = value;
      } else if (id === SETTING.initialWindow) {
        if (value > MAX_UINT31) throw new ConnectionError(ERROR.flowControl, "a window is larger than it can be");
        this.#bodies.initialWindow = value;
      }
    }
    this.#answers.emptyTable();
    if (this.#isSessionOver) this.#writer.write(frame(FRAME.settings, { flags: FLAG.ack }));
    else this.#say(withoutTable(bytes));
    this.#mayHaveRoom = true;
  }

  #takeWindow(id: number, bytes: number): void {
    if (id === 0) {
      if (bytes === 0) throw new ConnectionError(ERROR.protocol, "the connection was given leave for nothing");
      if (this.#bodies.window + bytes > MAX_UINT31)
        throw new ConnectionError(ERROR.flowControl, "the connection was given leave for too much");
      this.#bodies.widen(bytes);
      return;
    }
    const stream = this.#streams.get(id);
    if (!stream) return;
    const room = this.#bodies.initialWindow + (stream.body ?? stream).credit + bytes;
    if (bytes === 0) this.#reset(stream, ERROR.protocol);
    else if (room > MAX_UINT31) this.#reset(stream, ERROR.flowControl);
    else if (stream.body) {
      stream.body.credit += bytes;
      this.#bodies.send(stream.body);
    } else stream.credit += bytes;
  }

  #takeReset(id: number): void {
    const stream = this.#streams.get(id);
    if (stream) this.#drop(stream);
  }

  #count(stream: UnaryStream, bytes: number): void {
    stream.unacknowledged += bytes;
    if (stream.unacknowledged < STREAM_STEP_BYTES) return;
    this.#writer.write(windowUpdate(stream.id, stream.unacknowledged));
    stream.unacknowledged = 0;
  }

  #acknowledge(stream: number, bytes: number): void {
    this.#writer.write(windowUpdate(stream, bytes));
    this.#writer.write(windowUpdate(0, bytes));
  }

  /** Whether a stream is, or was, of the session; it also knows what to say of one that has not begun. */
  #isOfSession(stream: number): boolean {
    if (this.#streams.get(stream)) return false;
    return stream <= this.#lastOfSession || (stream > this.#lastStream && stream <= this.#lastTaken);
  }

  #say(bytes: Buffer): void {
    this.#heard(this.#session.say(bytes));
  }

  /** @param isReady whether the session reads on */
  #heard(isReady: boolean): void {
    if (isReady) return;
    this.#isSessionSlow = true;
    this.#socket.pause();
  }

  #resume(): void {
    if (!this.#isSessionSlow && this.#writer.backlog <= MAX_BACKLOG_BYTES) this.#socket.resume();
  }

  #sent(body: Body, bytes: number): void {
    const stream = this.#streams.get(body.id);
    if (!stream) {
      this.#session.sent(body, bytes);
      if (this.#isSessionOver) this.#endIfIdle();
    } else if (body.chunks.length === 0) this.#leave(stream);
  }

  /** A stream is answered. */
  #leave(stream: UnaryStream): void {
    this.#streams.delete(stream.id);
    // What else comes of the request is not read.
    if (!stream.isRead) this.#writer.write(reset(stream.id, ERROR.none));
    if (this.#isSessionOver) this.#endIfIdle();
  }

  #reset(stream: UnaryStream, code: number): void {
    this.#writer.write(reset(stream.id, code));
    this.#drop(stream);
  }

  #drop(stream: UnaryStream): void {
    this.#streams.delete(stream.id);
    if (stream.body) this.#bodies.drop(stream.body);
    stream.cancel();
    if (this.#isSessionOver) this.#endIfIdle();
  }

  #fail({ code, message }: ConnectionError): void {
    this.#writer.write(goAway(this.#lastStream, code, message));
    this.#hangUp();
  }

  #endIfIdle(): void {
    if (this.#streams.size === 0 && this.#session.isSent) this.#hangUp();
  }

  /** All is said: the caller is to read it, and to go. */
  #hangUp(): void {
    if (this.#isOver) return;
    this.#writer.flush();
    this.#end();
    this.#socket.end();
    // Else nobody would hear that the caller hangs up.
    this.#socket.resume();
    setTimeout(() => this.#socket.destroy(), HANG_UP_MS).unref();
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#isSessionOver = true;
    this.#reader.stop();
    this.#streams.forEach((stream) => {
      this.#drop(stream);
    });
    this.#session.destroy();
    this.#options.onClose();
  }
}
