"""trading/kernels"""
