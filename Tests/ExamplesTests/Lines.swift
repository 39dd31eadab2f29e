import Bytes
import Reactor

@testable import ExampleChat

/// A connection whose lines a task awaits, one after the other.
final class Lines: ChannelHandler {
    private var channel: Channel?
    private var reader = LineReader()
    private var arrived: [String] = []
    private var waiter: UnsafeContinuation<String?, Never>?
    private var isOver = false

    static func connect(
        to address: SocketAddress, on loop: isolated EventLoop
    ) async throws(SystemError) -> Lines {
        let lines = Lines()
        lines.channel = try await loop.connect(to: address, timeout: .seconds(10)) { _ in lines }
        return lines
    }

    /// The next line, or `nil` after the last.
    func next(on loop: isolated EventLoop) async -> String? {
        if arrived.isEmpty, !isOver {
            channel?.resumeReading(on: loop)
            return await withUnsafeContinuation(isolation: loop) { waiter = $0 }
        }
        return arrived.isEmpty ? nil : arrived.removeFirst()
    }

    func send(_ line: String, on loop: isolated EventLoop) {
        channel?.write(Array("\(line)\n".utf8), on: loop)
    }

    func close(on loop: isolated EventLoop) { channel?.close(on: loop) }

    func received(_ bytes: RawSpan, from channel: Channel, on loop: isolated EventLoop) {
        let isFine = reader.read(bytes) { line in
            let text = line.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
            if let waiter = waiter.take() {
                waiter.resume(returning: text)
            } else {
                arrived.append(text)
            }
        }
        if !isFine { channel.abort(on: loop) }
        // Nobody takes them: the sender has to wait, not our memory to grow.
        if arrived.count >= 64 { channel.pauseReading(on: loop) }
    }

    func closed(_ channel: Channel, reason: CloseReason, on loop: isolated EventLoop) {
        isOver = true
        waiter.take()?.resume(returning: nil)
    }
}
