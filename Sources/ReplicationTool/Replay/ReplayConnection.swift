internal import Bytes
internal import Reactor
internal import ReplicationWire

/// One worker of a replay.
final class ReplayConnection: ChannelHandler {
    let channel: Channel
    private let server: ReplayServer
    private(set) var streams: Set<StreamName> = []
    /// Whether it has subscribed, and asked for nothing more since.
    private(set) var isSettled = false
    private var link: MainLink
    private var splitter: LineSplitter
    private var actions: [MainLink.Action] = []
    private var timer: Timer?
    private var settling: Timer?

    init(_ channel: Channel, server: ReplayServer, on loop: isolated EventLoop) {
        self.channel = channel
        self.server = server
        splitter = server.makeSplitter()
        link = MainLink(
            serverName: server.serverName, streams: server.streams, dialect: server.dialect,
            secret: server.secret, at: server.time(on: loop))
    }

    func opened(isWelcome: Bool, on loop: isolated EventLoop) {
        guard isWelcome else { return close(.tooManyConnections, on: loop) }
        link.opened(at: server.time(on: loop), into: &actions)
        act(on: loop)
        armTimer(on: loop)
    }

    func close(_ failure: LinkFailure, on loop: isolated EventLoop) {
        link.close(failure, into: &actions)
        act(on: loop)
    }

    /// Sends lines of the capture.
    func send(_ bytes: SharedBytes, on loop: isolated EventLoop) {
        channel.write(bytes, on: loop)
        channel.flush(on: loop)
        link.sentData(at: server.time(on: loop))
    }

    // MARK: Channel

    func received(_ bytes: RawSpan, from channel: Channel, on loop: isolated EventLoop) {
        let now = server.time(on: loop)
        do throws(LineSplitter.Violation) {
            try splitter.split(bytes) { line in
                link.received(line, at: now, into: &actions)
                act(on: loop)
                return !link.isClosing
            }
        } catch {
            close(.notLines(error), on: loop)
        }
    }

    func writabilityChanged(_ channel: Channel, on loop: isolated EventLoop) {
        if channel.isWritable { server.changed() }
    }

    func closed(_ channel: Channel, reason: CloseReason, on loop: isolated EventLoop) {
        for timer in [timer.take(), settling.take()].compactMap({ $0 }) { loop.cancel(timer) }
        server.ended(self)
    }

    // MARK: The link

    private func act(on loop: isolated EventLoop) {
        var batch: [MainLink.Action] = []
        swap(&batch, &actions)
        for action in batch {
            switch action {
            case .send(let command): send(command, on: loop)
            case .subscribe(let subscription): subscribe(subscription, on: loop)
            case .peerError(let text):
                Notices.say("replay: \(link.peerName ?? "a worker") says: \(text)")
            case .close(let failure):
                if failure != .shuttingDown {
                    Notices.say(
                        "replay: \(link.peerName ?? "a worker") is sent away: \(failure.text)")
                }
                channel.close(on: loop)
            case .userSync, .usersGone, .deliver, .authenticated: break
            }
        }
    }

    private func send(_ command: ReplicationCommand, on loop: isolated EventLoop) {
        channel.write(command.line(dialect: server.dialect), on: loop)
    }

    private func armTimer(on loop: isolated EventLoop) {
        let wait = max(.zero, link.deadline - server.time(on: loop).monotonic)
        timer = loop.schedule(after: wait) {
            self.link.timePassed(at: self.server.time(on: loop), into: &self.actions)
            self.act(on: loop)
            if !self.link.isClosing { self.armTimer(on: loop) }
        }
    }

    private func subscribe(_ subscription: Subscription, on loop: isolated EventLoop) {
        switch subscription {
        case .all:
            for stream in server.positions.keys.sorted(by: { $0.name < $1.name }) {
                subscribe(to: stream, asked: nil, on: loop)
            }
        case .stream(let stream, .now): subscribe(to: stream, asked: nil, on: loop)
        case .stream(let stream, .token(let token)):
            subscribe(to: stream, asked: token, on: loop)
        }
        if let settling = settling.take() { loop.cancel(settling) }
        settling = loop.schedule(after: ReplayServer.settlingTime) {
            self.isSettled = true
            self.server.changed()
        }
    }

    private func subscribe(
        to stream: StreamName, asked: Int64?, on loop: isolated EventLoop
    ) {
        streams.insert(stream)
        // A stream that the capture does not have is wherever the worker believes it to be.
        let token = server.positions[stream] ?? asked ?? 0
        send(
            .position(Position(stream: stream, token: token, previousToken: token)), on: loop)
    }
}
