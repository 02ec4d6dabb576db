"""A peer of what the tests' own environment has: Python's HTTP server, one connection a thread."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from onnx_model import PORT, OnnxModel

MODEL = OnnxModel()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        answer = MODEL.run_rows([self.rfile.read(int(self.headers["content-length"]))])[0]
        self.send_response(200)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
