internal import Reactor

/// The mails of a client: a few are on their way, others wait for their turn.
final class MailRoom {
    /// A mail and who waits for it.
    private final class Entry {
        let mail: OutgoingMail
        let flag = DeliveryFlag()
        var waiter: UnsafeContinuation<Result<HTTPClientError.Reply, HTTPClientError>, Never>?

        init(_ mail: OutgoingMail) { self.mail = mail }

        func settle(_ result: Result<HTTPClientError.Reply, HTTPClientError>) {
            waiter.take()?.resume(returning: result)
        }
    }

    private var waiting: [Entry] = []
    private var running: [ObjectIdentifier: Entry] = [:]
    private var isClosed = false

    /// The loop's pool has four threads, and others need them too.
    private static let runningMax = 2
    private static let waitingMax = 1000

    /// Parks the calling task until the mail is delivered, or it is known that it is not.
    func deliver(
        _ mail: OutgoingMail, on loop: isolated EventLoop
    ) async throws(HTTPClientError) -> HTTPClientError.Reply {
        if isClosed || loop.isStopped { throw .closed }
        if Task.isCancelled { throw .cancelled }
        guard waiting.count < Self.waitingMax else {
            throw HTTPClientError(.overloaded, "\(Self.waitingMax) mails are waiting already")
        }
        let entry = Entry(mail)
        let bound = BoundToLoop((self, entry), loop)
        let outcome = await withTaskCancellationHandler {
            await withUnsafeContinuation(isolation: loop) { continuation in
                entry.waiter = continuation
                waiting.append(entry)
                startNext(on: loop)
            }
        } onCancel: {
            bound.submit { bound, loop in bound.0.end(bound.1, .cancelled) }
        }
        do throws(HTTPClientError) {
            return try outcome.get()
        } catch {
            var error = error
            error.server = "\(mail.server.host):\(mail.server.port)"
            throw error
        }
    }

    private func startNext(on loop: isolated EventLoop) {
        while running.count < Self.runningMax, !waiting.isEmpty {
            let entry = waiting.removeFirst()
            running[ObjectIdentifier(entry)] = entry
            let (mail, flag) = (entry.mail, entry.flag)
            loop.spawn {
                let result = await loop.offload { MailDelivery(mail, flag).run() }
                entry.settle(result)
                self.running[ObjectIdentifier(entry)] = nil
                self.startNext(on: loop)
            }
        }
    }

    private func end(_ entry: Entry, _ reason: HTTPClientError) {
        entry.flag.raise()
        entry.settle(.failure(reason))
        waiting.removeAll { $0 === entry }
    }

    /// Nobody has to wait any longer. Threads that speak with a server stop within a second.
    func close(_ reason: HTTPClientError) {
        isClosed = true
        for entry in waiting + Array(running.values) { end(entry, reason) }
    }
}
