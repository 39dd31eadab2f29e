internal import HTTPWire

/// A method as a number, which costs less to compare than the method.
struct MethodCode: Sendable, Equatable {
    private let value: Int16

    init(_ value: Int) { self.value = Int16(clamping: value) }

    var index: Int { Int(value) }

    /// Every method.
    static let any = MethodCode(-1)
    /// A method that no route names.
    static let none = MethodCode(-2)
    static let get = MethodCode(0)
    static let head = MethodCode(1)
}

/// The methods of a router's routes by number.
struct MethodCodes: Sendable {
    private var methods: [HTTPMethod] = [
        .get, .head, .post, .put, .delete, .options, .patch, .trace, .connect,
    ]

    /// The method's number, which it may get now.
    mutating func add(_ method: HTTPMethod) -> MethodCode {
        let known = code(of: method)
        guard known == .none else { return known }
        methods.append(method)
        return MethodCode(methods.count - 1)
    }

    func code(of method: HTTPMethod) -> MethodCode {
        // The usual ones without a search.
        switch method {
        case .get: .get
        case .head: .head
        default: methods.firstIndex(of: method).map { MethodCode($0) } ?? .none
        }
    }

    func method(of code: MethodCode) -> HTTPMethod { methods[code.index] }
}
