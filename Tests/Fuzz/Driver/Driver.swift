import CFuzzer
import Glibc
import Synchronization

/// What takes one input and throws if something is wrong with it.
public typealias FuzzCheck = @Sendable ([UInt8]) throws -> Void

private let check = Mutex<FuzzCheck?>(nil)

/// The input of one round. libFuzzer's own main function, which these programs do not use, asks
/// for it under this name.
@c(LLVMFuzzerTestOneInput)
public func fuzzOneInput(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    do {
        let check = check.withLock { $0 }
        try check?(Array(UnsafeBufferPointer(start: data, count: count)))
    } catch {
        // libFuzzer keeps the input of a process that dies.
        fatalError("\(error)")
    }
    return 0
}

/// The main function of a program `<program> <target> [libFuzzer's options] [corpus…]`.
public func runFuzzer(_ targets: [(name: String, check: FuzzCheck)]) -> Never {
    let name = CommandLine.arguments.dropFirst().first
    guard let target = targets.first(where: { $0.name == name }) else {
        let names = targets.map(\.name).joined(separator: " ")
        print("usage: \(CommandLine.arguments[0]) <target> [options of libFuzzer] [corpus...]")
        print("targets: \(names)")
        exit(2)
    }
    check.withLock { $0 = target.check }
    // The target's name takes the place of the program's.
    var count = CommandLine.argc - 1
    var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? =
        CommandLine.unsafeArgv + 1
    exit(LLVMFuzzerRunDriver(&count, &arguments, fuzzOneInput))
}
