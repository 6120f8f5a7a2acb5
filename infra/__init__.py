"""Kontor infra"""
