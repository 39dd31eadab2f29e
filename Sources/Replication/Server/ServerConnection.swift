import Bytes
import Reactor
import ReplicationWire

/// One worker's connection on the main's side: drives a `MainLink` and the worker's subscriptions.
final class ServerConnection: ChannelHandler {
    let channel: Channel
    let server: ReplicationServer
    private(set) var peer: ReplicationPeer
    var subscriptions: [StreamName: StreamSubscriber] = [:]
    /// Streams that are being caught up, a page of each in turn.
    var laggards: [StreamName] = []
    var isCatchingUp = false
    var nextGeneration = 0
    private(set) var output = OutputBuffer()
    /// Set as soon as nothing more is to be said to the worker, though the channel may still write.
    private(set) var hasEnded = false

    private let clock: LinkClock
    private var link: MainLink
    private var splitter: LineSplitter
    private var actions: [MainLink.Action] = []
    private var scratch: [UInt8] = []
    private var timer: Timer?
    private var writableWaiter: UnsafeContinuation<Void, Never>?
    private var closedWaiters: [UnsafeContinuation<Void, Never>] = []
    private var isClosed = false

    init(
        _ channel: Channel, peer: ReplicationPeer, server: ReplicationServer, _ clock: LinkClock,
        on loop: isolated EventLoop
    ) {
        self.channel = channel
        self.peer = peer
        self.server = server
        self.clock = clock
        let options = server.options
        link = MainLink(
            serverName: options.serverName, streams: Set(server.feeds.keys),
            dialect: options.dialect, timing: options.timing, secret: options.secret,
            at: clock.now(on: loop))
        splitter = LineSplitter(
            lineBytesMax: link.isAuthenticated ? options.lineBytesMax : Self.strangersLineBytesMax)
    }

    /// How long a line may be of somebody who has not shown the secret.
    private static let strangersLineBytesMax = 8192

    /// Whether the worker may see what others see.
    var isAuthenticated: Bool { link.isAuthenticated }

    func opened(on loop: isolated EventLoop) {
        link.status = server.status
        link.opened(at: clock.now(on: loop), into: &actions)
        act(on: loop)
        armTimer(on: loop)
    }

    // MARK: Channel

    func received(_ bytes: RawSpan, from channel: Channel, on loop: isolated EventLoop) {
        guard !hasEnded else { return }
        let now = clock.now(on: loop)
        do throws(LineSplitter.Violation) {
            try splitter.split(bytes) { line in
                link.received(line, at: now, into: &actions)
                if let name = link.lastCommand { server.statistics.inbound[name] += 1 }
                act(on: loop)
                return !hasEnded
            }
            if link.isAuthenticated { splitter.bytesMax = server.options.lineBytesMax }
        } catch {
            close(.notLines(error), on: loop)
        }
    }

    func inputEnded(_ channel: Channel, on loop: isolated EventLoop) {
        end(reason: "closed by the worker", kind: "closed_by_peer", on: loop)
        channel.close(on: loop)
    }

    func writabilityChanged(_ channel: Channel, on loop: isolated EventLoop) {
        drain(on: loop)
        guard channel.isWritable, output.isEmpty else { return }
        writableWaiter.take()?.resume()
    }

    func closed(_ channel: Channel, reason: CloseReason, on loop: isolated EventLoop) {
        isClosed = true
        end(reason: "connection lost: \(reason)", kind: "connection_lost", on: loop)
        for waiter in exchange(&closedWaiters, with: []) { waiter.resume() }
    }

    // MARK: The link

    func close(_ failure: LinkFailure, on loop: isolated EventLoop) {
        link.close(failure, into: &actions)
        act(on: loop)
    }

    func abort(on loop: isolated EventLoop) { channel.abort(on: loop) }

    func untilClosed(on loop: isolated EventLoop) async {
        guard !isClosed else { return }
        await withUnsafeContinuation(isolation: loop) { closedWaiters.append($0) }
    }

    /// Carries out what the link has decided. Delegates may call back into the server: the list is
    /// taken out of our hands first.
    private func act(on loop: isolated EventLoop) {
        guard !actions.isEmpty else { return noteReceived() }
        var batch: [MainLink.Action] = []
        swap(&batch, &actions)
        for action in batch {
            switch action {
            case .send(let command): send(command, on: loop)
            case .authenticated: break
            case .subscribe(let subscription): subscribe(subscription, on: loop)
            case .userSync(let sync): server.delegate?.userSync(sync, at: peer, on: loop)
            case .usersGone(let users): server.delegate?.usersGone(users, at: peer, on: loop)
            case .deliver(let command): server.delegate?.received(command, from: peer, on: loop)
            case .peerError(let text):
                server.delegate?.errorReported(text, by: peer, on: loop)
            case .close(let failure):
                end(reason: failure.text, kind: failure.name, on: loop)
                channel.close(on: loop)
            }
        }
        noteReceived()
    }

    private func noteReceived() { peer.name = link.peerName }

    /// The connection is over: its users are gone, and nothing more is sent.
    private func end(reason: String, kind: String, on loop: isolated EventLoop) {
        guard !hasEnded else { return }
        hasEnded = true
        if let timer = timer.take() { loop.cancel(timer) }
        output.removeAll()
        for (stream, subscriber) in subscriptions { server.feeds[stream]?.remove(subscriber) }
        subscriptions = [:]
        laggards = []
        writableWaiter.take()?.resume()
        link.disconnected(into: &actions)
        act(on: loop)
        server.ended(self, reason: reason, kind: kind, on: loop)
    }

    private func armTimer(on loop: isolated EventLoop) {
        guard !hasEnded else { return }
        let wait = clock.wait(until: link.deadline, on: loop)
        timer = loop.schedule(after: wait) {
            self.link.status = self.server.status
            self.link.timePassed(at: self.clock.now(on: loop), into: &self.actions)
            self.act(on: loop)
            self.armTimer(on: loop)
        }
    }

    // MARK: Output

    func send(_ command: ReplicationCommand, on loop: isolated EventLoop) {
        server.statistics.outbound[command.name] += 1
        let line = command.line(dialect: server.options.dialect)
        // The last word must get out even if others wait; they will never be read.
        if case .error = command { return channel.write(line, on: loop) }
        guard output.isEmpty, channel.isWritable else {
            return queue(
                .init(bytes: SharedBytes(line), offset: 0, commands: 1), on: loop)
        }
        channel.write(line, on: loop)
    }

    /// Sends a block that was published, as far as the worker is due it. Returns whether it was sent.
    func publish(
        _ block: PublishedBlock, to subscriber: StreamSubscriber, on loop: isolated EventLoop
    ) -> Bool {
        guard !hasEnded else { return false }
        switch subscriber.place.publish(block) {
        case .whole: write(block, from: 0, on: loop)
        case .from(let offset): write(block, from: offset, on: loop)
        case .skip: return false
        }
        return true
    }

    func write(_ block: PublishedBlock, from offset: Int, on loop: isolated EventLoop) {
        link.sentData(at: clock.now(on: loop))
        guard output.isEmpty, channel.isWritable else {
            return queue(
                .init(bytes: block.bytes, offset: offset, commands: block.rowCount), on: loop)
        }
        write(.init(bytes: block.bytes, offset: offset, commands: block.rowCount), on: loop)
    }

    /// So many bytes are copied more cheaply than they are shared.
    private static let copiedBytesMax = 512

    private func write(_ piece: OutputBuffer.Piece, on loop: isolated EventLoop) {
        if piece.offset == 0, piece.bytes.count > Self.copiedBytesMax {
            channel.write(piece.bytes, on: loop)
        } else {
            channel.write(piece.bytes.bytes.extracting(droppingFirst: piece.offset), on: loop)
        }
    }

    private func queue(_ piece: OutputBuffer.Piece, on loop: isolated EventLoop) {
        guard !hasEnded else { return }
        output.append(piece)
        let options = server.options
        guard
            output.count > options.queuedCommandsMax || output.byteCount > options.queuedBytesMax
        else { return }
        close(.failedToKeepUp, on: loop)
    }

    private func drain(on loop: isolated EventLoop) {
        while channel.isWritable, let piece = output.popFirst() { write(piece, on: loop) }
    }

    /// Parks until the socket takes output again, or the connection has ended.
    func untilWritable(on loop: isolated EventLoop) async {
        guard !hasEnded, !channel.isWritable || !output.isEmpty else { return }
        await withUnsafeContinuation(isolation: loop) { writableWaiter = $0 }
    }
}
