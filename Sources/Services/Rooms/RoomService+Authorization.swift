import Matrix
import Reactor

/// What needs power in a room beyond sending an event.
enum Power {
    /// Redacting what others sent.
    case redact
    /// Changing state of a type.
    case state(String)
}

extension RoomService {
    /// The events of a draft's state that decide over what is being built.
    func decidingState(
        for builder: EventBuilder, in draft: RoomDraft, on loop: isolated EventLoop
    ) async throws -> StateMap<Event> {
        var events: StateMap<Event> = [:]
        for place in AuthRules.statePlaces(for: builder) {
            events[place] = try await event(at: place, of: draft, on: loop)
        }
        return events
    }

    /// Throws M_FORBIDDEN unless the auth rules allow an event that this server has just built and signed.
    func authorise(_ event: Event, against state: StateMap<Event>) throws(MatrixError) {
        do throws(AuthError) {
            try AuthRules.check(
                event, against: state, signedBy: [ServerName(trusted: settings.serverName)])
        } catch {
            throw .forbidden(error.description)
        }
    }

    /// Throws M_FORBIDDEN unless a user has the power.
    func requirePower(
        _ power: Power, of userID: String, in room: Room, on loop: isolated EventLoop
    ) async throws {
        let draft = RoomDraft(room)
        var state: StateMap<Event> = [:]
        for place in [StateKey.create, .powerLevels] {
            state[place] = try await event(at: place, of: draft, on: loop)
        }
        let levels = PowerLevels(state: state, version: room.version)
        let needed =
            switch power {
            case .redact: levels.redact
            case .state(let type): levels.required(forType: type, isState: true)
            }
        guard levels.level(of: UserID(trusted: userID)) >= needed else {
            throw MatrixError.forbidden("You don't have permission to do that")
        }
    }
}
