internal import Reactor
