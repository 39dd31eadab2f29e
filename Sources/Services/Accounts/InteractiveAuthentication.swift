import Crypto
public import JSON
import Reactor

/// A request that may have to prove more than a token does.
public struct InteractiveRequest: Sendable {
    /// The method, such as `POST`.
    public var method: String
    /// The path as it was sent.
    public var path: String
    /// The body with its `auth` member.
    public var body: JSON
    /// Where it came from, for limits.
    public var address: String

    /// A request.
    public init(method: String, path: String, body: JSON, address: String) {
        self.method = method
        self.path = path
        self.body = body
        self.address = address
    }

    /// What the client says to prove itself.
    var auth: JSON? {
        guard let auth = body["auth"], auth.objectValue != nil else { return nil }
        return auth
    }

    /// Tells bodies apart that ask for different things.
    var fingerprint: [UInt8] {
        var asked = body.objectValue ?? [:]
        asked.removeValue(forKey: "auth")
        return Array(SHA256.hash(data: asked.canonicalBytes))
    }
}

/// The user-interactive authentications under way: bounded, in memory, forgotten after a while.
///
/// A session is bound to one operation: the method and the path of its first request, and the body too where the flow
/// proves who a user is. Clients that find out what registration asks for send an empty body first, so a session of
/// registration lets it change. Specification: client-server API, "User-Interactive Authentication API".
final class InteractiveAuthentication {
    /// What a client may do to prove itself.
    struct Flows {
        /// Each a list of stages that have to be passed in their order.
        var stages: [[String]]
        /// Whether the body belongs to what is authorised.
        var bindsBody: Bool
        /// The user that has to prove itself; nil for registration.
        var userID: String?
    }

    private struct Session {
        let startedAt: Int64
        let method: String
        let path: String
        let fingerprint: [UInt8]
        let userID: String?
        var completed: [String] = []
        /// What the operation made, so that a repeated request can be told the same.
        var result: String?
    }

    private let clock: WallClock
    private let sessionsMax = 10_000
    private let lifetimeMilliseconds: Int64 = 15 * 60 * 1000
    private var sessions: [String: Session] = [:]
    /// In order of their start.
    private var order: [String] = []

    init(clock: WallClock) {
        self.clock = clock
    }

    /// Returns the session once a flow is complete; throws a challenge (401) before that.
    ///
    /// `check` decides whether a stage is passed by what the client says, and throws if not.
    func authenticate(
        _ request: InteractiveRequest, _ flows: Flows, on loop: isolated EventLoop,
        check: (_ stage: String, _ auth: JSON) async throws -> Void
    ) async throws -> String {
        prune()
        guard let auth = request.auth else {
            throw challenge(start(request, flows), flows)
        }
        let id: String
        if let named = auth["session"] {
            guard let text = named.stringValue else {
                throw MatrixError.badJSON("session must be a string")
            }
            try requireSame(text, request, flows)
            id = text
        } else {
            // A client that knows the stages may begin with the first one.
            id = start(request, flows)
        }
        if let type = auth["type"] {
            guard let stage = type.stringValue else {
                throw MatrixError.badJSON("type must be a string")
            }
            try await pass(stage, auth, id, flows, check)
        }
        guard flows.stages.contains(sessions[id]?.completed ?? []) else {
            throw challenge(id, flows)
        }
        return id
    }

    /// What a session's operation made earlier.
    func result(of id: String) -> String? { sessions[id]?.result }

    /// Ends a session, whose operation is done. With a result it is kept for repeated requests.
    func finish(_ id: String, result: String? = nil) {
        if let result { sessions[id]?.result = result } else { sessions[id] = nil }
    }

    private func pass(
        _ stage: String, _ auth: JSON, _ id: String, _ flows: Flows,
        _ check: (String, JSON) async throws -> Void
    ) async throws {
        guard flows.stages.contains(where: { $0.contains(stage) }) else {
            throw MatrixError(400, "M_UNRECOGNIZED", "Unknown authentication stage")
        }
        let completed = sessions[id]?.completed ?? []
        guard !completed.contains(stage) else { return }
        let isNext = flows.stages.contains { flow in
            flow.count > completed.count && flow.starts(with: completed)
                && flow[completed.count] == stage
        }
        guard isNext else { throw challenge(id, flows) }
        do {
            try await check(stage, auth)
        } catch let error as MatrixError where error.status == 401 || error.status == 403 {
            throw challenge(id, flows, error)
        }
        sessions[id]?.completed.append(stage)
    }

    private func start(_ request: InteractiveRequest, _ flows: Flows) -> String {
        let id = RandomText.letters(24)
        sessions[id] = Session(
            startedAt: clock.now, method: request.method, path: request.path,
            fingerprint: flows.bindsBody ? request.fingerprint : [], userID: flows.userID)
        order.append(id)
        prune()
        return id
    }

    private func requireSame(
        _ id: String, _ request: InteractiveRequest, _ flows: Flows
    ) throws(MatrixError) {
        guard let session = sessions[id] else {
            throw MatrixError(400, "M_UNKNOWN", "Unknown session ID: \(id)")
        }
        guard session.method == request.method, session.path == request.path,
            session.userID == flows.userID,
            !flows.bindsBody || session.fingerprint == request.fingerprint
        else {
            throw .forbidden(
                "Requested operation has changed during the user-interactive authentication")
        }
    }

    /// The answer that tells a client what is missing, and what was wrong with what it said.
    private func challenge(
        _ id: String, _ flows: Flows, _ error: MatrixError? = nil
    ) -> MatrixError {
        let stages: [JSON] = flows.stages.map { ["stages": .array($0.map { .string($0) })] }
        var details: [String: JSON] = error?.details ?? [:]
        details["session"] = .string(id)
        details["flows"] = .array(stages)
        details["params"] = [:]
        let completed = sessions[id]?.completed ?? []
        if !completed.isEmpty { details["completed"] = .array(completed.map { .string($0) }) }
        return MatrixError(
            401, error?.errorCode ?? "M_UNAUTHORIZED",
            error?.message ?? "User-interactive authentication required", details: details)
    }

    private func prune() {
        let oldest = clock.now - lifetimeMilliseconds
        var done = 0
        while done < order.count {
            let id = order[done]
            if let session = sessions[id], session.startedAt > oldest,
                order.count - done <= sessionsMax
            {
                break
            }
            sessions[id] = nil
            done += 1
        }
        if done > 0 { order.removeFirst(done) }
    }
}
