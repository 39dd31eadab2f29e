internal import Configuration
internal import Glibc
internal import Reactor

/// The demo's users at work, and the live view. Lives on the demo's loop.
final class DemoRun {
    private let options: Demo.Options
    private let members: [FleetDirectory.Member]
    private let statistics = DemoStatistics()
    private var users: [DemoUser] = []
    private var view: DemoView
    private var failure: String?
    private var isStopping = false
    private var wasInterrupted = false
    private var wake: (() -> Void)?

    init(_ options: Demo.Options, _ members: [FleetDirectory.Member]) {
        self.options = options
        self.members = members
        view = DemoView(members)
    }

    /// Enters the users, lets them talk, shows the view once a second, and ends them.
    func talk(on loop: isolated EventLoop) async {
        do {
            try loop.onSignals(RunningFleet.signals) { _ in self.stop() }
            let room = try await enter(on: loop)
            for user in users { loop.spawn { await self.listen(user, on: loop) } }
            loop.spawn { await self.speak(in: room, on: loop) }
            await watch(on: loop)
        } catch {
            failure = "\(error)"
        }
        isStopping = true
        for user in users { user.stop(on: loop) }
    }

    /// Says how it went; a failure if anything did not work.
    func summary(on loop: isolated EventLoop) -> String? {
        if let failure { return failure }
        let total = statistics.total()
        print(
            """

            \(statistics.sent) messages sent, \(statistics.deliveries) delivered through \
            \(statistics.answers) answers to long polls.
            Time from sending to delivery: median \(total.p50.short) ms, 95 % within \(total.p95.short) ms, \
            99 % within \(total.p99.short) ms.
            """)
        for (reason, count) in statistics.failures.sorted(by: { $0.key < $1.key }) {
            print("\(count) × \(reason)")
        }
        if !statistics.failures.isEmpty { return "some requests failed" }
        // Whoever ends the demo before it has begun knows why.
        return statistics.deliveries == 0 && !wasInterrupted ? "nothing was delivered" : nil
    }

    private func stop() {
        isStopping = true
        wasInterrupted = true
        wake?()
    }

    private func enter(on loop: isolated EventLoop) async throws -> String {
        let synchrotrons = members.filter { $0.role == .synchrotron }.compactMap(\.httpAddress)
        guard let main = members.first?.httpAddress, !synchrotrons.isEmpty else {
            throw FleetDirectory.Failure(description: "the fleet has no synchrotron that listens")
        }
        for number in 0..<max(2, options.users) {
            users.append(
                DemoUser(
                    name: "user\(number + 1)", main: main,
                    synchrotron: synchrotrons[number % synchrotrons.count], statistics: statistics))
        }
        for user in users { try await user.enter(on: loop) }
        let room = try await users[0].createRoom(named: "Demo", on: loop)
        for user in users.dropFirst() { try await user.join(room, on: loop) }
        for user in users { try await user.listen(on: loop) }
        print(
            "\(users.count) users have joined one room and poll \(synchrotrons.count) synchrotrons\n"
        )
        return room
    }

    private func listen(_ user: DemoUser, on loop: isolated EventLoop) async {
        while !isStopping {
            do { try await user.listen(on: loop) } catch {
                guard !isStopping else { return }
                statistics.failed("/sync: \(error)")
                await loop.sleep(for: .milliseconds(500))
            }
        }
    }

    private func speak(in room: String, on loop: isolated EventLoop) async {
        let pause = Duration.milliseconds(1000 / max(1, options.messagesPerSecond))
        var turn = 0
        while !isStopping {
            let user = users[turn % users.count]
            turn += 1
            loop.spawn {
                do { try await user.say(in: room, on: loop) } catch {
                    if !self.isStopping { self.statistics.failed("send: \(error)") }
                }
            }
            await loop.sleep(for: pause)
        }
    }

    private func watch(on loop: isolated EventLoop) async {
        let end = options.seconds > 0 ? loop.now + .seconds(options.seconds) : nil
        view.sample(on: loop)
        while !isStopping {
            await pause(on: loop)
            view.show(statistics, on: loop)
            if let end, loop.now >= end { return }
        }
    }

    /// A second, or less if the demo is to end.
    private func pause(on loop: isolated EventLoop) async {
        await withUnsafeContinuation(isolation: loop) { continuation in
            var continuation: UnsafeContinuation<Void, Never>? = continuation
            let resume = { continuation.take()?.resume() ?? () }
            wake = resume
            loop.schedule(after: .seconds(1), resume)
        }
    }
}
